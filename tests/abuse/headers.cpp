// Header bombs: refused early, and without memory for them.
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

// Sends `head` and then `piece` again and again until the server answers or closes. How much went out in KB.
std::size_t flood(const Target& target, const std::string& head, const std::string& piece,
                  std::size_t megabytes_max, int& status) {
  RawSocket client(target.port());
  std::size_t sent = head.size();
  bool open = client.send(head);
  while (open && sent < megabytes_max << 20 && !client.readable_within(0ms)) {
    open = client.send(piece);
    sent += piece.size();
  }
  status = client.receive().status;
  return sent >> 10;
}

constexpr long kGrowthMaxKb = 1'024;

}  // namespace

TEST_CASE("a header line of 200 MB is refused after a fraction of it, and costs no memory") {
  const auto target = each_target();
  if (!target) return;
  const std::string piece(64 << 10, 'a');
  int status = 0;
  const auto attack = [&] {
    return flood(*target, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", piece, 200, status);
  };
  attack();  // threads and buffers of the first time do not count
  const long before = target->resident_kb();
  for (int i = 0; i < 20; ++i) {
    CHECK(attack() < 20'000);
    CHECK(status == 431);
  }
  CHECK(target->resident_kb() - before < kGrowthMaxKb);
  CHECK(target->answers());
}

TEST_CASE("two hundred thousand headers are refused after the first hundred") {
  const auto target = each_target();
  if (!target) return;
  std::string piece;
  for (int i = 0; i < 5'000; ++i) piece += "X: y\r\n";
  int status = 0;
  const auto attack = [&] {
    return flood(*target, "GET / HTTP/1.1\r\nHost: localhost\r\n", piece, 1, status);
  };
  attack();
  const long before = target->resident_kb();
  for (int i = 0; i < 20; ++i) {
    attack();
    CHECK(status == 431);
  }
  CHECK(target->resident_kb() - before < kGrowthMaxKb);
  CHECK(target->answers());
}

TEST_CASE("an endless request line is refused") {
  const auto target = each_target();
  if (!target) return;
  const std::string piece(64 << 10, 'a');
  int status = 0;
  CHECK(flood(*target, "GET /", piece, 200, status) < 20'000);
  CHECK(status == 414);
  CHECK(flood(*target, "", piece, 200, status) < 20'000);  // a method without end
  CHECK(status == 414);
  CHECK(target->answers());
}

TEST_CASE("many connections with half of the allowed headers stay cheap") {
  const auto target = each_target();
  if (!target) return;
  std::string half = "GET / HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 4; ++i) half += "X: " + std::string(8'000, 'a') + "\r\n";
  const long before = target->resident_kb();
  {
    std::vector<RawSocket> clients;
    for (int i = 0; i < 200; ++i) clients.emplace_back(target->port()).send(half);
    CHECK(target->time_to_answer() < 100ms);
    CHECK(target->resident_kb() - before < 200 * 128);
  }
  CHECK(target->answers());
}
