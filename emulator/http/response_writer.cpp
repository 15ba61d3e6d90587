// See response_writer.hpp.
#include "emulator/http/response_writer.hpp"

#include <charconv>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <sagemaker/aws/time.hpp>

#include "emulator/http/header_block.hpp"

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kHexDigitsMax = 16;

class FileCloser {
 public:
  explicit FileCloser(Response& response) : file_(std::get_if<FileBody>(&response.body)) {}
  ~FileCloser() {
    if (file_ && file_->descriptor >= 0) ::close(std::exchange(file_->descriptor, -1));
  }
  FileCloser(const FileCloser&) = delete;
  FileCloser& operator=(const FileCloser&) = delete;

 private:
  FileBody* file_;
};

// The text changes once a second; a busy server sends thousands of them.
const std::string& date_now() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  const auto now = std::chrono::system_clock::now();
  if (const std::time_t current = std::chrono::system_clock::to_time_t(now); current != second) {
    second = current;
    text = aws::format_http_date(now);
  }
  return text;
}

// A value that could end its line and begin another one would let its author write the rest of the response.
void append_value(std::string& head, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    head += (byte < 0x20 && byte != '\t') || byte == 0x7f ? ' ' : c;
  }
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  append_value(head, value);
  head += "\r\n";
}

bool status_has_body(int status) { return status != 204 && status != 304; }

// The fields that describe framing are the server's alone.
bool is_framing_field(std::string_view name) {
  return aws::iequals(name, "Content-Length") || aws::iequals(name, "Transfer-Encoding") ||
         aws::iequals(name, "Connection") || aws::iequals(name, "Keep-Alive");
}

std::optional<std::uint64_t> body_length(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return text->size();
  if (const auto* file = std::get_if<FileBody>(&response.body)) return file->length;
  return std::nullopt;
}

std::string response_head(const Response& response, const ResponseForm& form, bool keep_alive) {
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ")
      .append(std::to_string(response.status))
      .append(" ")
      .append(form.reason.empty() ? reason_phrase(response.status) : form.reason);
  head += "\r\n";
  for (const aws::Header& header : response.headers) {
    if (is_framing_field(header.name) || !is_token(header.name)) continue;
    append_field(head, header.name, header.value);
  }
  if (!response.headers.contains("Date")) append_field(head, "Date", date_now());
  if (!response.headers.contains("Server")) append_field(head, "Server", "sagemaker-local");
  if (status_has_body(response.status)) {
    auto length = body_length(response);
    if (form.head && response.head_length) length = response.head_length;
    if (length) {
      append_field(head, "Content-Length", std::to_string(*length));
    } else if (!form.http_1_0) {
      append_field(head, "Transfer-Encoding", "chunked");
    }
  }
  if (!keep_alive) {
    append_field(head, "Connection", "close");
  } else if (form.http_1_0) {
    append_field(head, "Connection", "keep-alive");
  }
  head += "\r\n";
  return head;
}

// Sends what a StreamBody produces; the head goes out with the first piece.
class StreamSender {
 public:
  StreamSender(Connection& connection, std::string head, bool chunked)
      : connection_(connection), head_(std::move(head)), chunked_(chunked) {}

  bool write(std::string_view piece) {
    if (broken_) return false;
    if (piece.empty()) return true;  // an empty chunk would end the body
    const std::string head = std::exchange(head_, std::string());
    begun_ = true;
    if (!chunked_) return note(connection_.send({head, piece}));
    std::array<char, kHexDigitsMax + 2> size;
    char* end = std::to_chars(size.data(), size.data() + kHexDigitsMax, piece.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    const std::string_view size_line(size.data(), static_cast<std::size_t>(end - size.data()));
    return note(connection_.send({head, size_line, piece, "\r\n"}));
  }

  bool finish() {
    if (broken_) return false;
    return note(connection_.send({std::exchange(head_, std::string()), chunked_ ? "0\r\n\r\n" : ""}));
  }

  bool begun() const { return begun_; }

 private:
  bool note(bool sent) {
    broken_ = !sent;
    return sent;
  }

  Connection& connection_;
  std::string head_;
  const bool chunked_;
  bool begun_ = false;
  bool broken_ = false;
};

bool send_stream(Connection& connection, const StreamBody& body, std::string head, bool chunked,
                 std::string& failure) {
  StreamSender sender(connection, std::move(head), chunked);
  try {
    if (body.produce) body.produce([&sender](std::string_view piece) { return sender.write(piece); });
  } catch (const std::exception& error) {
    if (!sender.begun()) throw;
    failure = error.what();
    return false;
  }
  return sender.finish();
}

}  // namespace

Sent send_response(Connection& connection, Response& response, const ResponseForm& form,
                   std::string& failure) {
  const FileCloser closer(response);
  const bool with_body = !form.head && status_has_body(response.status);
  const auto* stream = std::get_if<StreamBody>(&response.body);
  // Without chunked coding only the end of the connection can tell where a stream ends.
  const bool keep_alive = form.keep_alive && !aws::iequals(response.headers.get("Connection"), "close") &&
                          !(stream && with_body && form.http_1_0);
  const Sent success = keep_alive ? Sent::complete : Sent::last;
  std::string head = response_head(response, form, keep_alive);
  connection.begin_response();
  bool sent = false;
  if (!with_body) {
    sent = connection.send({head});
  } else if (const auto* text = std::get_if<std::string>(&response.body)) {
    sent = connection.send({head, *text});
  } else if (stream) {
    sent = send_stream(connection, *stream, std::move(head), !form.http_1_0, failure);
  } else {
    const FileBody& file = std::get<FileBody>(response.body);
    sent = connection.send({head}, file.length > 0) &&
           connection.send_file(file.descriptor, file.offset, file.length);
  }
  return sent ? success : Sent::broken;
}

std::string plain_response(int status, const std::string& message, const std::string& reason) {
  Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain");
  response.body = message + "\n";
  ResponseForm form;
  form.reason = reason;
  return response_head(response, form, false) + std::get<std::string>(response.body);
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Requested Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
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
    default:
      return "";
  }
}

}  // namespace sagemaker::local::http
