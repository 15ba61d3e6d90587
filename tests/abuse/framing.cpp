// Requests whose end two parsers could see in different places: refused with 400 and the connection closed,
// so that nothing can be smuggled behind them. Chunked bodies that lie about themselves likewise.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker::tests;
using namespace std::chrono_literals;

TEST_CASE("ambiguous lengths are refused and the connection closed") {
  const auto target = each_target();
  if (!target) return;
  const std::string smuggled = Target::ordinary_request();
  for (const std::string fields : {
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
           "Content-Length: 0\r\nContent-Length: 37\r\n",
           "Content-Length: 0\r\nContent-Length: 0\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: +0\r\n",
           "Content-Length: 0,0\r\n",
           "Content-Length: 9223372036854775808\r\n",
           "Content-Length: 18446744073709551616\r\n",
           "Content-Length: 0 0\r\n",
           "Content-Length : 0\r\n",
           " Content-Length: 0\r\n",
           "X: y\r\n Content-Length: 0\r\n",
           "X: y\nContent-Length: 0\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: \x0b"
           "chunked\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Transfer-Encoding\r\n : chunked\r\n",
       }) {
    CAPTURE(fields);
    RawSocket client(target->port());
    client.send("POST /_local/health HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n" + smuggled);
    const auto response = client.receive();
    CHECK(response.status == 400);
    CHECK(response.closes());
    bool ended = false;
    CHECK(client.receive_all(&ended, 5s).empty());  // the smuggled request got no answer
    CHECK(ended);
  }
  CHECK(target->answers());
}

TEST_CASE("hosts that are missing, doubled or malformed are refused") {
  const auto target = each_target();
  if (!target) return;
  for (const std::string fields : {"", "Host: localhost\r\nHost: localhost\r\n", "Host: local host\r\n",
                                   "Host:\r\n", "Host: a@localhost\r\n", "Host: localhost/x\r\n"}) {
    CAPTURE(fields);
    RawSocket client(target->port());
    const auto response = client.exchange("GET /_local/health HTTP/1.1\r\n" + fields + "\r\n");
    CHECK(response.status == 400);
    CHECK(client.closed_within(5s));
  }
  CHECK(target->answers());
}

TEST_CASE("chunked bodies that lie are refused without an internal error") {
  const auto target = each_target();
  if (!target) return;
  for (const std::string body :
       {"FFFFFFFFFFFFFFFF\r\n", "8000000000000000\r\nx", "-1\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n", "5\nhello\n0\n\n", "\r\n\r\n", "5;\r\r\nhello\r\n0\r\n\r\n", "z\r\n"}) {
    CAPTURE(body);
    RawSocket client(target->port());
    client.send("PUT /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
    client.finish_sending();
    const int status = client.receive().status;
    CHECK(status >= 400);
    CHECK(status < 500);
    CHECK(client.closed_within(5s));
  }
  CHECK(target->answers());
}

TEST_CASE("an endless chunk header is not collected") {
  const auto target = each_target();
  if (!target) return;
  RawSocket client(target->port());
  client.send("PUT /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  const std::string piece(64 << 10, 'x');
  int pieces = 0;
  while (pieces < 3'200 && client.send(piece) && !client.readable_within(0ms)) ++pieces;
  CHECK(pieces < 320);  // 20 MB are more than all socket buffers together
  CHECK(target->answers());
}
