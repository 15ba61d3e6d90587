// The header parser keeps what clients sent and refuses whatever two parsers could read differently.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/http/header_block.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::http;

namespace {

const HttpLimits limits;

HeaderBlock parse(const std::string& block) {
  HeaderScanner scanner(limits);
  const auto length = scanner.scan(block);
  REQUIRE(length);
  REQUIRE(*length == block.size());
  return parse_header_block(block);
}

HeaderBlock parse_fields(const std::string& fields) {
  return parse("PUT /b/k HTTP/1.1\r\n" + fields + "\r\n");
}

// The status with which a block is refused, by the scanner or the parser; 0 where it is accepted.
int refusal(const std::string& block) {
  try {
    HeaderScanner scanner(limits);
    const auto length = scanner.scan(block);
    if (!length) return -1;
    parse_header_block(std::string_view(block).substr(0, *length));
  } catch (const HeaderError& error) {
    CHECK(std::string(error.what()).size() > 10);
    return error.status();
  }
  return 0;
}

int refusal_of_fields(const std::string& fields) {
  return refusal("PUT /b/k HTTP/1.1\r\n" + fields + "\r\n");
}

}  // namespace

TEST_CASE("a request is kept byte for byte") {
  const HeaderBlock block = parse(
      "PUT /b/k%20x/%C3%A9%2B%3F.txt?x-id=PutObject&y=%2f HTTP/1.1\r\n"
      "Host: 127.0.0.1:4566\r\n"
      "x-amz-copy-source: /b/a%2Fb%0D%0Ax\r\n"
      "X-Amz-Meta-Blanks:  \t two  blanks \t\r\n"
      "x-amz-meta-utf8: caf\xc3\xa9\r\n"
      "X-Twice: 1\r\n"
      "x-twice: 2\r\n"
      "Empty:\r\n"
      "Content-Length: 42\r\n"
      "\r\n");
  CHECK(block.method == "PUT");
  CHECK(block.target == "/b/k%20x/%C3%A9%2B%3F.txt?x-id=PutObject&y=%2f");
  CHECK(block.headers.get("x-amz-copy-source") == "/b/a%2Fb%0D%0Ax");
  CHECK(block.headers.get("x-amz-meta-blanks") == "two  blanks");
  CHECK(block.headers.get("x-amz-meta-utf8") == "caf\xc3\xa9");
  CHECK(block.headers.count("X-TWICE") == 2);
  REQUIRE(block.headers.find("empty"));
  CHECK(block.headers.find("empty")->empty());
  CHECK(block.headers.begin()->name == "Host");
  CHECK(block.content_length == 42u);
  CHECK_FALSE(block.chunked);
  CHECK(block.keep_alive);
}

TEST_CASE("framing, expectation and connection options are understood") {
  CHECK(parse_fields("Host: h\r\nTransfer-Encoding: Chunked\r\n").chunked);
  CHECK(parse_fields("Host: h\r\nExpect: 100-Continue\r\n").expect_continue);
  CHECK_FALSE(parse_fields("Host: h\r\n").content_length);
  CHECK(parse_fields("Host: h\r\nContent-Length: 0\r\n").content_length == 0u);
  CHECK_FALSE(parse_fields("Host: h\r\nConnection: keep-alive, Close\r\n").keep_alive);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expect_continue);
}

TEST_CASE("an absolute target is accepted for this host only") {
  CHECK(parse("GET http://Here:1/a?b HTTP/1.1\r\nHost: here:1\r\n\r\n").target == "/a?b");
  CHECK(parse("GET http://here HTTP/1.1\r\nHost: here\r\n\r\n").target == "/");
  CHECK(parse("OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n").target == "*");
  CHECK(refusal("GET http://there/a HTTP/1.1\r\nHost: here\r\n\r\n") == 400);
  CHECK(refusal("GET * HTTP/1.1\r\nHost: here\r\n\r\n") == 400);
  // Where a tunnel may lead is the business of whoever opens it.
  CHECK(parse("CONNECT here:443 HTTP/1.1\r\nHost: here:443\r\n\r\n").target == "here:443");
}

TEST_CASE("ambiguous framing is refused") {
  const std::vector<std::string> smuggling = {
      "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
      "Content-Length: 3\r\nContent-Length: 3\r\n",
      "Content-Length: 3\r\ncontent-length: 4\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: +1\r\n",
      "Content-Length: 3, 3\r\n",
      "Content-Length: 0x10\r\n",
      "Content-Length: 1 2\r\n",
      "Content-Length:\r\n",
      "Content-Length: 9223372036854775808\r\n",
      "Content-Length: 18446744073709551617\r\n",
      "Content-Length: 99999999999999999999999\r\n",
      "Content-Length: 1\x0b\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length : 3\r\n",
      "Transfer-Encoding : chunked\r\n",
      " Content-Length: 3\r\n",
      "X: 1\r\n continued\r\n",
      "X: 1\r\n\tcontinued\r\n",
      "Content-Length: 3\nX: y\r\n",
      "X: a\rb\r\n",
      "X: a\r\r\n",
      "No colon here\r\n",
      ": no name\r\n",
      "Na\x01me: x\r\n",
      "N\xc3\xa4me: x\r\n",
      std::string("X: a\0b\r\n", 8),
      std::string("X\0: ab\r\n", 8),
      "X: a\x7f\r\n",
  };
  for (const std::string& fields : smuggling) {
    CAPTURE(fields);
    CHECK(refusal_of_fields("Host: h\r\n" + fields) == 400);
  }
  CHECK(refusal("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("exactly one host is needed") {
  CHECK(refusal_of_fields("") == 400);
  CHECK(refusal_of_fields("Host: a\r\nHost: a\r\n") == 400);
  CHECK(refusal_of_fields("Host:\r\n") == 400);
  CHECK(refusal_of_fields("Host: a b\r\n") == 400);
  CHECK(refusal_of_fields("Host: a@b\r\n") == 400);
  CHECK(refusal_of_fields("Host: a/b\r\n") == 400);
  CHECK(refusal_of_fields("Host: [::1]:4566\r\n") == 0);
  CHECK(refusal("GET / HTTP/1.0\r\n\r\n") == 0);
}

TEST_CASE("a malformed request line is refused") {
  for (const std::string line :
       {"GET /", "GET", "GET  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET /a b HTTP/1.1",
        "GET /\x80 HTTP/1.1", "GE(T / HTTP/1.1", "GET a HTTP/1.1", "GET / http/1.1", "GET / HTTP/11",
        "GET\t/ HTTP/1.1", "GET /\x01 HTTP/1.1", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(refusal(line + "\r\nHost: h\r\n\r\n") == 400);
  }
  CHECK(refusal("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == 505);
  CHECK(refusal("GET / HTTP/1.2\r\nHost: h\r\n\r\n") == 505);
  CHECK(refusal("GET / HTTP/1.1\nHost: h\n\n") == 400);
  CHECK(refusal("\n") == 400);
  CHECK(refusal("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(refusal("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == 0);  // one empty line is forgiven
  CHECK(refusal("\r\n /T") == 400);                              // at once, although the line has no end
  CHECK(refusal_of_fields("Host: h\r\nExpect: 200-ok\r\n") == 417);
}

TEST_CASE("the end of a block is found however it is divided") {
  const std::string block = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n";
  const std::string received = block + "body";
  for (std::size_t step = 1; step <= received.size(); ++step) {
    HeaderScanner scanner(limits);
    std::optional<std::size_t> found;
    for (std::size_t size = step; !found && size < received.size() + step; size += step) {
      found = scanner.scan(std::string_view(received).substr(0, size));
      if (!found) CHECK(size < block.size());
    }
    CHECK(found == block.size());
  }
}

TEST_CASE("limits hold while a line is still growing") {
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\n";
  HeaderScanner scanner(limits);
  std::string received = begin + "X: ";
  CHECK_FALSE(scanner.scan(received));
  received.append(limits.header_line_bytes_max, 'a');
  CHECK_THROWS_AS(scanner.scan(received), HeaderError);

  CHECK(refusal(begin + "X: " + std::string(limits.header_line_bytes_max - 3, 'a') + "\r\n\r\n") == 0);
  CHECK(refusal(begin + "X: " + std::string(limits.header_line_bytes_max - 2, 'a') + "\r\n\r\n") == 431);
  CHECK(refusal("GET /" + std::string(limits.header_line_bytes_max, 'a')) == 414);
  CHECK(refusal("GET /" + std::string(limits.header_line_bytes_max, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n") ==
        414);
}

TEST_CASE("number and total size of headers are limited") {
  const auto with_fields = [](std::size_t count, std::size_t size) {
    std::string fields = "Host: h\r\n";
    for (std::size_t i = 1; i < count; ++i) fields += "X: " + std::string(size, 'a') + "\r\n";
    return refusal_of_fields(fields);
  };
  CHECK(with_fields(limits.header_count_max, 1) == 0);
  CHECK(with_fields(limits.header_count_max + 1, 1) == 431);
  CHECK(with_fields(200'000, 1) == 431);
  CHECK(with_fields(8, 8'000) == 0);
  CHECK(with_fields(10, 8'000) == 431);

  // To the byte, and the same when the end arrives in pieces.
  for (const std::size_t over : {0, 1, 2}) {
    const std::string begin = "PUT /b/k HTTP/1.1\r\nHost: h\r\n";
    const std::string end = "\r\n\r\n";
    const std::size_t size = limits.header_block_bytes_max + over;
    std::string block = begin;
    while (size - block.size() > 8'000) block += "X: " + std::string(5'000, 'a') + "\r\n";
    block += "X: " + std::string(size - block.size() - 3 - end.size(), 'a') + end;
    REQUIRE(block.size() == size);
    CHECK(refusal(block) == (over == 0 ? 0 : 431));
    for (const std::size_t missing : {1, 2}) {
      HeaderScanner scanner(limits);
      int status = 0;
      try {
        scanner.scan(std::string_view(block).substr(0, size - missing));
        scanner.scan(block);
      } catch (const HeaderError& error) {
        status = error.status();
      }
      CHECK(status == (over == 0 ? 0 : 431));
    }
  }
}
