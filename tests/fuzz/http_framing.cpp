// What stands in front of a request's meaning: its header block and the chunked transfer coding. Both give
// the same result however the bytes arrive, and a header block that is accepted survives being written again.
#include "emulator/http/chunk_decoder.hpp"
#include "emulator/http/header_block.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using namespace local::http;

constexpr int no_error = 0;

struct Scanned {
  std::optional<std::size_t> length;
  int status = no_error;
  bool operator==(const Scanned&) const = default;
};

local::HttpLimits small_limits() {
  local::HttpLimits limits;
  limits.header_line_bytes_max = 200;
  limits.header_block_bytes_max = 600;
  limits.header_count_max = 10;
  return limits;
}

Scanned scan(std::string_view input, int division) {
  const local::HttpLimits limits = small_limits();
  HeaderScanner scanner(limits);
  Scanned result;
  std::size_t received = 0;
  try {
    in_pieces(input, division, [&](std::string_view piece) {
      received += piece.size();
      if (!result.length) result.length = scanner.scan(input.substr(0, received));
    });
  } catch (const HeaderError& error) {
    result.status = error.status();
  }
  return result;
}

std::string written(const HeaderBlock& block) {
  std::string text = block.method + " " + block.target + (block.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const auto& [name, value] : block.headers) text.append(name).append(": ").append(value).append("\r\n");
  return text + "\r\n";
}

void check_parsed(std::string_view text) {
  HeaderBlock block;
  try {
    block = parse_header_block(text);
  } catch (const HeaderError& error) {
    require(error.status() >= 400 && error.status() < 600, "a refusal has a status");
    return;
  }
  require(is_token(block.method), "a method is a token");
  const bool tunnel = block.method == "CONNECT";
  require(tunnel || block.target == "*" || block.target.starts_with("/"), "a target is a path or a star");
  require(!(block.chunked && block.content_length), "a body has one length");
  require(block.headers.count("content-length") <= 1 || block.content_length.has_value(), "a length is read");
  for (const auto& [name, value] : block.headers) {
    require(is_token(name), "a header's name is a token");
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "a value is one line");
  }
  const HeaderBlock again = parse_header_block(written(block));
  require(again.method == block.method && again.target == block.target && again.chunked == block.chunked &&
              again.content_length == block.content_length && again.keep_alive == block.keep_alive &&
              again.expect_continue == block.expect_continue && again.headers.size() == block.headers.size(),
          "a written header block means the same");
}

const Registered header_block(
    {"header_block",
     [](std::string_view input) {
       const Scanned whole = scan(input, 0);
       for (int division = 1; division < divisions; ++division) {
         const Scanned divided = scan(input, division);
         require(divided.length == whole.length || whole.status != no_error, "a block's end does not move");
         // Which of two limits is passed first may depend on the division, but not whether one is.
         const bool same = (divided.status == no_error) == (whole.status == no_error);
         require(whole.length || same, "the verdict is the same for every division");
       }
       if (!whole.length) return;
       require(*whole.length <= input.size(), "a block is no longer than what arrived");
       check_parsed(input.substr(0, *whole.length));
     },
     {"GET /bucket/key?x=y HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n",
      "PUT /k HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: chunked\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n",
      "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"},
     {"\r\n", "\r\n\r\n", " HTTP/1.1\r\n", " HTTP/1.0\r\n",
      "Host: ", "Content-Length: ", "Transfer-Encoding: chunked", "Expect: 100-continue",
      "Connection: keep-alive", "identity", ", ", "\t", "GET /"}});

struct Decoded {
  std::string data;
  std::size_t consumed = 0;
  bool done = false, refused = false;
};

Decoded decode(std::string_view input, int division) {
  Decoded result;
  ChunkDecoder decoder;
  try {
    in_pieces(input, division, [&](std::string_view piece) {
      if (decoder.done()) return;
      const std::size_t used = decoder.feed(piece, [&](std::string_view data) { result.data.append(data); });
      require(used <= piece.size(), "no more is used than was given");
      require(used == piece.size() || decoder.done(), "everything is used until the end");
      result.consumed += used;
    });
  } catch (const ChunkError&) {
    result.refused = true;
  }
  result.done = decoder.done();
  return result;
}

const Registered transfer_chunked(
    {"transfer_chunked",
     [](std::string_view input) {
       const Decoded whole = decode(input, 0);
       require(whole.data.size() <= input.size(), "decoding makes nothing longer");
       for (int division = 1; division < divisions; ++division) {
         const Decoded divided = decode(input, division);
         require(divided.refused == whole.refused && divided.done == whole.done, "the verdict is the same");
         if (!whole.refused) {
           require(divided.data == whole.data && divided.consumed == whole.consumed, "the data are the same");
         }
       }
     },
     {"5\r\nhello\r\n0\r\n\r\n", "a;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /", "0\r\n\r\n"},
     {"\r\n", "0\r\n\r\n", "ffffffffffffffff", "0x", ";", "\n", "A: b\r\n"}});

}  // namespace
}  // namespace sagemaker::fuzz
