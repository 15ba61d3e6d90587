// The request line and header fields of one request: found in the received bytes under limits, and parsed
// without changing a byte of them. Strict where leniency lets two parsers disagree about where a request ends
// (request smuggling): one length, one host, CRLF line ends, no folding, no blank before a colon. Pure
// functions, no sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sagemaker/aws/headers.hpp>

#include "emulator/limits.hpp"

namespace sagemaker::local::http {

// The header block is refused. `status` is the answer; the connection cannot be used any further.
class HeaderError : public std::runtime_error {
 public:
  HeaderError(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

struct HeaderBlock {
  std::string method;
  std::string target;  // origin form ("/bucket/key?x=y"), "*", or for CONNECT the authority ("host:443")
  aws::Headers headers;
  std::optional<std::uint64_t> content_length;  // absent: no body, or a chunked one
  bool chunked = false;
  bool expect_continue = false;
  bool keep_alive = true;
  bool http_1_0 = false;
};

// Looks for the end of the block while bytes arrive; every byte is looked at once. Throws HeaderError as soon
// as a limit is passed or a line ends in anything but CRLF: 414 for the request line, 431 for the fields, 400
// otherwise.
class HeaderScanner {
 public:
  explicit HeaderScanner(const HttpLimits& limits) : limits_(&limits) {}

  // `received`: everything since the block began; it may only grow between calls. Returns the length of the
  // block with its empty line, nullopt while that is missing.
  std::optional<std::size_t> scan(std::string_view received);
  // The next call begins with a new block.
  void reset();

 private:
  std::optional<std::size_t> end_of_line(std::string_view received, std::size_t line_feed);
  void check_beginning(std::string_view received) const;
  void check_limits(std::size_t line_bytes, std::size_t block_bytes) const;

  const HttpLimits* limits_;
  std::size_t position_ = 0;    // looked at up to here
  std::size_t line_begin_ = 0;  // of the line that is not complete yet
  std::size_t lines_ = 0;       // complete lines, the request line included
};

// Parses a complete block as found by the scanner. Throws HeaderError: 400, 417 (unknown expectation), 505
// (version).
HeaderBlock parse_header_block(std::string_view block);

// A token of RFC 9110 5.6.2: what methods and field names consist of.
bool is_token(std::string_view text);

}  // namespace sagemaker::local::http
