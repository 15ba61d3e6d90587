// HTTP/1.1 messages of the serving programs: requests read piece by piece as they arrive, with a limit on
// everything that a client decides, and the heads of answers. RFC 9112; where it leaves a choice, the strict
// one, because what two parties read differently is how requests are smuggled. No torch in here.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::detail {

SAGEMAKER_CONTAINER_FUNCTION bool same_letters(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(),
                                                   [&](char a, char b) { return lower(a) == lower(b); });
}

struct HttpRequest {
  std::string method, path, query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = true;
  bool chunks = true;  // the client understands an answer in chunks: HTTP/1.1

  // The first header of that name; empty where there is none.
  const std::string& header(std::string_view name) const {
    static const std::string none;
    for (const auto& [key, value] : headers) {
      if (same_letters(key, name)) return value;
    }
    return none;
  }
};

struct HttpLimits {
  std::size_t target_bytes = 8 << 10;
  std::size_t head_bytes = 64 << 10;
  std::size_t headers = 128;
  std::size_t body_bytes = std::size_t{100} << 20;
};

SAGEMAKER_CONTAINER_FUNCTION const char* http_reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return status < 400 ? "OK" : "Error";
  }
}

// One connection's requests, one after the other.
class RequestReader {
 public:
  explicit RequestReader(const HttpLimits& limits) : limits_(limits) {}

  // Takes bytes as far as they belong to the request at hand and returns how many it took. Takes nothing more
  // once the request is complete or has failed.
  std::size_t feed(std::string_view bytes) {
    const std::size_t all = bytes.size();
    while (!bytes.empty() && state_ != State::complete && state_ != State::failed) {
      bytes.remove_prefix(step(bytes));
    }
    return all - bytes.size();
  }

  bool idle() const { return state_ == State::head && head_.empty(); }  // no byte of a request has come yet
  bool complete() const { return state_ == State::complete; }
  bool failed() const { return state_ == State::failed; }
  int status() const { return status_; }  // of the answer, where it failed
  const std::string& message() const { return message_; }
  // The client waits for "100 Continue" before it sends the body. Says so once.
  bool take_expectation() { return std::exchange(expects_, false) && in_body(); }
  bool in_body() const {
    return state_ != State::head && state_ != State::complete && state_ != State::failed;
  }

  // The complete request; the reader is ready for the next one.
  HttpRequest take() {
    HttpRequest taken = std::move(request_);
    request_ = {};
    head_.clear();
    line_.clear();
    remaining_ = 0;
    expects_ = false;
    state_ = State::head;
    return taken;
  }

 private:
  enum class State { head, body, chunk_size, chunk, chunk_end, trailer, complete, failed };
  static constexpr std::size_t line_bytes_max = 4096;        // of a chunk's size, and of all trailers
  static constexpr std::size_t body_reserved_max = 1 << 20;  // what a header alone can make us allocate

  std::size_t fail(int status, std::string message) {
    state_ = State::failed;
    status_ = status;
    message_ = std::move(message);
    return 0;
  }

  std::size_t step(std::string_view bytes) {
    switch (state_) {
      case State::head:
        return read_head(bytes);
      case State::body:
        return read_body(bytes, State::complete);
      case State::chunk_size:
        return read_chunk_size(bytes);
      case State::chunk:
        return read_body(bytes, State::chunk_end);
      case State::chunk_end:
        return read_chunk_end(bytes);
      case State::trailer:
        return read_trailer(bytes);
      default:
        return 0;
    }
  }

  std::size_t read_head(std::string_view bytes) {
    std::size_t skipped = 0;
    if (head_.empty()) {  // empty lines before a request are allowed
      while (skipped < bytes.size() && (bytes[skipped] == '\r' || bytes[skipped] == '\n')) ++skipped;
      bytes.remove_prefix(skipped);
      if (bytes.empty()) return skipped;
    }
    const std::size_t before = head_.size();
    const std::size_t taken = std::min(bytes.size(), limits_.head_bytes - before);
    head_.append(bytes.substr(0, taken));
    const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
      if (head_.size() >= limits_.head_bytes) fail(431, "the request's head is too large");
      return skipped + taken;
    }
    head_.resize(end + 2);
    parse_head();
    return skipped + (end + 4 - before);
  }

  void parse_head() {
    std::string_view rest = head_;
    const auto next_line = [&] {
      const std::size_t end = rest.find("\r\n");
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      return line;
    };
    if (!parse_request_line(next_line())) return;
    std::string_view length, coding;
    bool has_length = false;
    request_.headers.reserve(8);
    while (!rest.empty()) {
      const std::string_view line = next_line();
      const std::size_t colon = line.find(':');
      if (colon == 0 || colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
          !is_text(line.substr(colon + 1))) {
        fail(400, "a header cannot be read");
        return;
      }
      if (request_.headers.size() == limits_.headers) {
        fail(431, "the request has too many headers");
        return;
      }
      const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
      request_.headers.emplace_back(name, value);
      if (same_letters(name, "Content-Length")) {
        if (has_length && value != length) {
          fail(400, "the request has two lengths");
          return;
        }
        has_length = true;
        length = value;
      } else if (same_letters(name, "Transfer-Encoding")) {
        if (!coding.empty()) {
          fail(400, "the request has two transfer codings");
          return;
        }
        coding = value.empty() ? " " : value;
      } else if (same_letters(name, "Connection")) {
        if (same_letters(value, "close")) request_.keep_alive = false;
        if (same_letters(value, "keep-alive")) request_.keep_alive = true;
      } else if (same_letters(name, "Expect")) {
        expects_ = same_letters(value, "100-continue");
      }
    }
    begin_body(has_length, length, coding);
  }

  bool parse_request_line(std::string_view line) {
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || !is_token(line.substr(0, first))) {
      fail(400, "the request line cannot be read");
      return false;
    }
    const std::string_view version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      const bool other = version.starts_with("HTTP/");
      fail(other ? 505 : 400, other ? "use HTTP/1.1" : "the request line cannot be read");
      return false;
    }
    request_.keep_alive = request_.chunks = version == "HTTP/1.1";
    request_.method = line.substr(0, first);
    std::string_view target = line.substr(first + 1, last - first - 1);
    if (target.size() > limits_.target_bytes) {
      fail(414, "the request's path is too long");
      return false;
    }
    if (target.starts_with("http://")) {  // as it is sent to a proxy
      const std::size_t slash = target.find('/', 7);
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    if (target.empty() || target.front() != '/' || target.find(' ') != std::string_view::npos ||
        !is_text(target)) {
      fail(400, "the request's path cannot be read");
      return false;
    }
    const std::size_t mark = target.find('?');
    request_.path = target.substr(0, mark);
    if (mark != std::string_view::npos) request_.query = target.substr(mark + 1);
    return true;
  }

  void begin_body(bool has_length, std::string_view length, std::string_view coding) {
    if (!coding.empty()) {
      if (has_length) {
        fail(400, "the request has a length and a transfer coding");
      } else if (!same_letters(coding, "chunked")) {
        fail(501, "only the transfer coding 'chunked' is understood");
      } else {
        state_ = State::chunk_size;
      }
      return;
    }
    if (!has_length) {
      state_ = State::complete;
      return;
    }
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    const bool all_read = end == length.data() + length.size() && !length.empty();
    if (!all_read || error == std::errc::invalid_argument) {
      fail(400, "Content-Length is no number");
    } else if (error == std::errc::result_out_of_range || bytes > limits_.body_bytes) {
      too_large();
    } else {
      remaining_ = static_cast<std::size_t>(bytes);
      request_.body.reserve(std::min(remaining_, body_reserved_max));
      state_ = remaining_ == 0 ? State::complete : State::body;
    }
  }

  std::size_t too_large() {
    return fail(413, "the request is larger than " + std::to_string(limits_.body_bytes) + " bytes");
  }

  std::size_t read_body(std::string_view bytes, State after) {
    const std::size_t taken = std::min(bytes.size(), remaining_);
    request_.body.append(bytes.substr(0, taken));
    remaining_ -= taken;
    if (remaining_ == 0) state_ = after;
    return taken;
  }

  // Appends to line_ up to a line feed. False where the line goes on.
  bool read_line(std::string_view bytes, std::size_t& taken) {
    const std::size_t end = bytes.find('\n');
    taken = end == std::string_view::npos ? bytes.size() : end + 1;
    if (line_.size() + taken > line_bytes_max) {
      fail(400, "a chunk cannot be read");
      return false;
    }
    line_.append(bytes.substr(0, taken));
    if (end == std::string_view::npos) return false;
    if (line_.size() < 2 || line_[line_.size() - 2] != '\r') {
      fail(400, "a chunk cannot be read");
      return false;
    }
    line_.resize(line_.size() - 2);
    return true;
  }

  std::size_t read_chunk_size(std::string_view bytes) {
    std::size_t taken = 0;
    if (!read_line(bytes, taken)) return taken;
    const std::string_view line = line_;
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    const std::string_view rest(end, static_cast<std::size_t>(line.data() + line.size() - end));
    if (error == std::errc::result_out_of_range) {
      too_large();
    } else if (error != std::errc() || !(rest.empty() || rest.front() == ';' || rest.front() == ' ')) {
      fail(400, "a chunk cannot be read");
    } else if (size > limits_.body_bytes - request_.body.size()) {
      too_large();
    } else {
      remaining_ = static_cast<std::size_t>(size);
      state_ = remaining_ == 0 ? State::trailer : State::chunk;
      trailer_bytes_ = 0;
    }
    line_.clear();
    return taken;
  }

  std::size_t read_chunk_end(std::string_view bytes) {
    std::size_t taken = 0;
    if (!read_line(bytes, taken)) return taken;
    if (!line_.empty()) {
      fail(400, "a chunk is longer than it says");
    } else {
      state_ = State::chunk_size;
    }
    line_.clear();
    return taken;
  }

  std::size_t read_trailer(std::string_view bytes) {
    std::size_t taken = 0;
    if (!read_line(bytes, taken)) return taken;
    trailer_bytes_ += line_.size();
    if (line_.empty()) {
      state_ = State::complete;
    } else if (trailer_bytes_ > line_bytes_max) {
      fail(431, "the trailers are too large");
    }
    line_.clear();
    return taken;
  }

  static std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
  }
  static bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             marks.find(c) != std::string_view::npos;
    });
  }
  static bool is_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return c == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
  }

  const HttpLimits& limits_;
  State state_ = State::head;
  std::string head_, line_, message_;
  HttpRequest request_;
  std::size_t remaining_ = 0, trailer_bytes_ = 0;
  int status_ = 0;
  bool expects_ = false;
};

// ---- answers -----------------------------------------------------------------------------------

struct HttpResponse {
  int status = 200;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// How a client knows where the body ends.
enum class Framing { length, chunks, connection };

// The head, up to and with the empty line. Values from user code lose what would end a header.
SAGEMAKER_CONTAINER_FUNCTION void append_head(std::string& out, const HttpResponse& response, bool keep_alive,
                                              Framing framing) {
  const auto append_header = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    for (const char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    out.append("\r\n");
  };
  char digits[24];
  const auto number = [&](std::uint64_t value) {
    return std::string_view(
        digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
  };
  out.append("HTTP/1.1 ").append(number(static_cast<std::uint64_t>(response.status))).append(" ");
  out.append(http_reason(response.status)).append("\r\n");
  if (!response.content_type.empty()) append_header("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) append_header(name, value);
  if (framing == Framing::chunks) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (framing == Framing::length && response.status != 204) {
    out.append("Content-Length: ").append(number(response.body.size())).append("\r\n");
  }
  if (!keep_alive) out.append("Connection: close\r\n");
  out.append("\r\n");
}

}  // namespace sagemaker::container::detail
