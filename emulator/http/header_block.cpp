// See header_block.hpp. Sections in comments are those of RFC 9112 (HTTP/1.1) unless another one is named.
#include "emulator/http/header_block.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kMethodBytesMax = 32;

[[noreturn]] void bad_request(const std::string& message) { throw HeaderError(400, message); }

bool is_token_character(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

bool is_visible_ascii(char c) { return c > 0x20 && c < 0x7f; }

// Field values: visible characters, blanks, tabs and bytes from 0x80 on; no other control character (RFC
// 9110 5.5).
bool is_value_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_line(std::string_view& block) {
  const std::size_t end = block.find("\r\n");
  if (end == std::string_view::npos) bad_request("The request ends inside a header line.");
  const std::string_view line = block.substr(0, end);
  block.remove_prefix(end + 2);
  return line;
}

void parse_version(std::string_view version, HeaderBlock& result) {
  if (version == "HTTP/1.1") return;
  if (version == "HTTP/1.0") {
    result.http_1_0 = true;
    result.keep_alive = false;
    return;
  }
  if (version.size() == 8 && version.substr(0, 5) == "HTTP/") {
    throw HeaderError(505, "This server speaks HTTP/1.1 and HTTP/1.0.");
  }
  bad_request("The request line does not end with an HTTP version.");
}

// 3: exactly "method SP target SP version".
void parse_request_line(std::string_view line, HeaderBlock& result) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) bad_request("The request line is malformed.");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (method.size() > kMethodBytesMax || !is_token(method)) bad_request("The request method is malformed.");
  parse_version(line.substr(last + 1), result);
  if (target.empty() || !std::all_of(target.begin(), target.end(), is_visible_ascii)) {
    bad_request("The request target holds characters that must be percent-encoded.");
  }
  result.method = method;
  result.target = target;
}

void parse_field(std::string_view line, HeaderBlock& result) {
  // 5.2: a line that begins with a blank would continue the one before (obsolete folding).
  if (line.front() == ' ' || line.front() == '\t') bad_request("Folded header lines are not accepted.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) bad_request("A header line has no colon.");
  // 5.1: this also refuses blanks between name and colon.
  if (!is_token(line.substr(0, colon))) bad_request("A header name is malformed.");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), is_value_character)) {
    bad_request("A header value holds a control character.");
  }
  result.headers.add(std::string(line.substr(0, colon)), std::string(value));
}

// 6: where the body ends must not be open to interpretation.
void read_framing(HeaderBlock& result) {
  const std::size_t lengths = result.headers.count("Content-Length");
  const std::size_t codings = result.headers.count("Transfer-Encoding");
  if (lengths > 0 && codings > 0) bad_request("Content-Length and Transfer-Encoding exclude each other.");
  if (lengths > 1) bad_request("There is more than one Content-Length.");
  if (codings > 1) bad_request("There is more than one Transfer-Encoding.");
  if (codings == 1) {
    if (result.http_1_0) bad_request("HTTP/1.0 knows no Transfer-Encoding.");
    if (!aws::iequals(*result.headers.find("Transfer-Encoding"), "chunked")) {
      bad_request("The only Transfer-Encoding accepted is chunked.");
    }
    result.chunked = true;
  }
  if (lengths == 1) {
    const std::string& text = *result.headers.find("Content-Length");
    const bool digits =
        !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    // 18 digits always fit, and are 888 petabytes.
    if (!digits || text.size() > 18) bad_request("Content-Length is not a number that can be served.");
    result.content_length = std::stoull(text);
  }
}

void check_host(HeaderBlock& result) {
  const std::size_t hosts = result.headers.count("Host");
  if (hosts > 1) bad_request("There is more than one Host header.");
  if (hosts == 0) {
    if (result.http_1_0) return;
    bad_request("The Host header is missing.");
  }
  const std::string& host = *result.headers.find("Host");
  const bool sound = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_visible_ascii(c) && std::strchr("/\\?#@,<>\"{}|^`", c) == nullptr;
  });
  if (!sound) bad_request("The Host header is malformed.");
}

// 3.2: servers accept the absolute form too, but only for themselves: anything else is meant for a proxy.
void normalise_target(HeaderBlock& result) {
  std::string& target = result.target;
  if (result.method == "CONNECT") return;  // 3.2.3: names a host and a port, which its handling checks
  if (target.front() == '/') return;
  if (target == "*" && result.method == "OPTIONS") return;
  constexpr std::string_view scheme = "http://";
  if (target.size() <= scheme.size() ||
      !aws::iequals(std::string_view(target).substr(0, scheme.size()), scheme)) {
    bad_request("The request target must begin with a slash.");
  }
  const std::size_t end = std::min(target.find_first_of("/?", scheme.size()), target.size());
  const std::string authority = target.substr(scheme.size(), end - scheme.size());
  if (!aws::iequals(authority, result.headers.get("Host", authority))) {
    bad_request("The request target names another host than the Host header: this server is no proxy.");
  }
  target.erase(0, end);
  if (target.empty() || target.front() != '/') target.insert(0, 1, '/');
}

void read_connection_options(HeaderBlock& result) {
  for (const aws::Header& header : result.headers) {
    if (!aws::iequals(header.name, "Connection")) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view option = trimmed(rest.substr(0, comma));
      if (aws::iequals(option, "close")) {
        result.keep_alive = false;
        return;  // wins over keep-alive
      }
      if (aws::iequals(option, "keep-alive")) result.keep_alive = true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
}

void read_expectation(HeaderBlock& result) {
  for (const aws::Header& header : result.headers) {
    if (!aws::iequals(header.name, "Expect")) continue;
    if (!aws::iequals(header.value, "100-continue")) {
      throw HeaderError(417, "The only expectation that can be met is 100-continue.");
    }
    result.expect_continue = !result.http_1_0;  // RFC 9110 10.1.1: a 1.0 client would not understand a 100
  }
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

void HeaderScanner::reset() { position_ = line_begin_ = lines_ = 0; }

void HeaderScanner::check_limits(std::size_t line_bytes, std::size_t block_bytes) const {
  if (line_bytes > limits_->header_line_bytes_max) {
    throw lines_ == 0 ? HeaderError(414, "The request line is too long.")
                      : HeaderError(431, "A header line is too long.");
  }
  if (block_bytes > limits_->header_block_bytes_max) throw HeaderError(431, "The headers are too large.");
}

std::optional<std::size_t> HeaderScanner::end_of_line(std::string_view received, std::size_t line_feed) {
  if (line_feed == line_begin_ || received[line_feed - 1] != '\r') bad_request("Lines must end with CRLF.");
  const std::size_t line_bytes = line_feed - 1 - line_begin_;
  const std::size_t next = line_feed + 1;
  if (line_bytes == 0 && lines_ > 0) {
    check_limits(0, next);
    return next;
  }
  // 2.2: one empty line before the request line is forgiven; some clients send it behind a body.
  if (line_bytes == 0 && line_begin_ > 0) bad_request("The request line is empty.");
  if (line_bytes > 0) {
    check_limits(line_bytes, next);
    if (lines_ > limits_->header_count_max) throw HeaderError(431, "There are too many headers.");
    ++lines_;
  }
  position_ = line_begin_ = next;
  return std::nullopt;
}

// A TLS handshake, for one, holds no line end: it would wait for its deadline.
void HeaderScanner::check_beginning(std::string_view received) const {
  if (lines_ > 0 || line_begin_ >= received.size()) return;
  const char first = received[line_begin_];
  if (first != '\r' && !is_token_character(first)) bad_request("This is not an HTTP request.");
}

std::optional<std::size_t> HeaderScanner::scan(std::string_view received) {
  check_beginning(received);
  while (position_ < received.size()) {
    const std::size_t line_feed = received.find('\n', position_);
    if (line_feed == std::string_view::npos) break;
    if (const auto length = end_of_line(received, line_feed)) return length;
    check_beginning(received);
  }
  position_ = received.size();
  // The line that is still growing counts already (less a CR that may be half of its end).
  const std::size_t pending = received.size() - line_begin_;
  check_limits(pending > 0 ? pending - 1 : 0, received.size());
  return std::nullopt;
}

HeaderBlock parse_header_block(std::string_view block) {
  if (block.substr(0, 2) == "\r\n") block.remove_prefix(2);
  HeaderBlock result;
  parse_request_line(take_line(block), result);
  for (std::string_view line = take_line(block); !line.empty(); line = take_line(block))
    parse_field(line, result);
  check_host(result);
  normalise_target(result);
  read_framing(result);
  read_connection_options(result);
  read_expectation(result);
  return result;
}

}  // namespace sagemaker::local::http
