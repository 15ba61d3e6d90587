// What the abuse tests attack: an http::Server with a simple handler in this process, or a sagemaker-local of
// its own with default limits, on a free port and a temporary data directory.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <sagemaker/aws/sigv4.hpp>

#include "tests/support/raw_socket.hpp"

namespace sagemaker::tests {

class Target {
 public:
  virtual ~Target() = default;
  virtual int port() const = 0;
  virtual long resident_kb() const = 0;
  // Everything that it wrote to standard error; empty for a server in this process.
  virtual std::string log() const { return ""; }

  // A request that anybody may send, and whether it is answered as always.
  static std::string ordinary_request();
  bool answers() const;
  // How long that takes; the median of a few, since other programs on the machine delay single ones.
  std::chrono::milliseconds time_to_answer() const;
};

// Runs the test case for both kinds of target, one after the other: use as `const auto target =
// each_target();` at its beginning. Null, after a message, where sagemaker-local is not built.
std::unique_ptr<Target> each_target();
// Only sagemaker-local.
std::unique_ptr<Target> emulator_target();

// A request of an AWS client in the raw, signed with test/test for us-east-1 and now.
struct Call {
  std::string service = "sagemaker";
  std::string method = "POST";
  std::string path = "/";
  std::string query;
  aws::Headers headers;
  std::string body;
  std::string access_key = "test";
  std::string secret = "test";
  std::string region = "us-east-1";
  std::string payload_hash;  // instead of the body's
  std::chrono::seconds clock_shift{0};

  aws::sigv4::Message sign() const;
  std::string text() const;  // head and body
};
std::string text_of(const aws::sigv4::Message& message, const std::string& body);
Call json_call(const std::string& target, const std::string& body);
Call s3_call(const std::string& method, const std::string& path, const std::string& body = "");

}  // namespace sagemaker::tests
