// Clients that take their time, with default limits: they must not delay others. That they are cut off at
// their deadlines is tested with short ones (tests/unit/http_server_limits.cpp).
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker::tests;
using namespace std::chrono_literals;

TEST_CASE("two hundred slow clients of every kind delay nobody") {
  const auto target = each_target();
  if (!target) return;
  CHECK(RawSocket(target->port()).exchange(s3_call("PUT", "/bucket").text()).status == 200);
  const std::string large(8 << 20, 'x');
  CHECK(RawSocket(target->port()).exchange(s3_call("PUT", "/bucket/large", large).text()).status == 200);
  Call drip = s3_call("PUT", "/bucket/key", std::string(100'000, 'x'));
  drip.payload_hash = "UNSIGNED-PAYLOAD";
  const std::string upload = drip.text();
  const std::string upload_begin = upload.substr(0, upload.size() - 99'999);
  const std::string download = s3_call("GET", "/bucket/large").text();
  std::vector<RawSocket> clients;
  for (int i = 0; i < 200; ++i) {
    switch (i % 4) {
      case 0:  // nothing at all
        clients.emplace_back(target->port());
        break;
      case 1:  // headers that drip
        clients.emplace_back(target->port()).send("GET /_local/health HTTP/1.1\r\nHost: localhost\r\nX: ");
        break;
      case 2:  // a body that drips
        clients.emplace_back(target->port()).send(upload_begin);
        break;
      case 3:  // a response that is not read
        clients.emplace_back(target->port(), 4'096).send(download);
        break;
    }
  }
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (i % 4 == 1 || i % 4 == 2) clients[i].send("a");
    }
    CHECK(target->time_to_answer() < 100ms);
  }
}

TEST_CASE(
    "a client that opens connections without end is refused, and the others are served again afterwards") {
  const auto target = each_target();
  if (!target) return;
  {
    std::vector<RawSocket> clients;
    for (int i = 0; i < 1'500; ++i) {
      try {
        clients.emplace_back(target->port());
      } catch (const std::runtime_error&) {
        break;  // refused by the kernel is refused as well
      }
    }
    int status = 0;
    try {
      status = RawSocket(target->port()).exchange(Target::ordinary_request()).status;
    } catch (const std::runtime_error&) {
    }
    CHECK(status != 200);
  }
  bool served = false;
  for (int i = 0; i < 500 && !served; ++i) {
    served = target->answers();
    if (!served) std::this_thread::sleep_for(10ms);
  }
  CHECK(served);
}

TEST_CASE("clients that vanish at any point leave the server well") {
  const auto target = each_target();
  if (!target) return;
  const std::string request =
      "PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nabcdefgh";
  for (std::size_t size = 0; size <= request.size(); ++size) {
    RawSocket client(target->port());
    client.send(std::string_view(request).substr(0, size));
    if (size % 2 == 0) client.reset();
  }
  CHECK(target->answers());
}
