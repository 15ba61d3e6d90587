// An endpoint under load: 16 clients invoke it all the time while it is updated, scaled and loses an instance.
// No request fails but those that were in the container that was killed, as on AWS.
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

namespace sm = sagemaker;
using sm::json;
using namespace std::chrono_literals;

namespace {

constexpr int client_count = 16;

// What the clients have heard to requests that they sent after the last renew(): an answer may lie with a
// thread that does not run for long after its container has gone.
class Answers {
 public:
  int round() const {
    const std::lock_guard lock(mutex_);
    return round_;
  }
  // The answer to a request that was sent in `round`.
  void add(const std::string& body, int round) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (round != round_) return;
    ++in_round_;
    const std::size_t blank = body.find(' ');
    ++words_[body.substr(0, blank)];
    instances_.insert(body.substr(blank + 1));
  }
  void renew() {
    const std::lock_guard lock(mutex_);
    ++round_;
    in_round_ = 0;
    words_.clear();
    instances_.clear();
  }
  std::map<std::string, int> words() const {
    const std::lock_guard lock(mutex_);
    return words_;
  }
  std::set<std::string> instances() const {
    const std::lock_guard lock(mutex_);
    return instances_;
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  int in_round() const {
    const std::lock_guard lock(mutex_);
    return in_round_;
  }

 private:
  mutable std::mutex mutex_;
  int count_ = 0;
  int round_ = 0;
  int in_round_ = 0;
  std::map<std::string, int> words_;
  std::set<std::string> instances_;
};

class Load {
 public:
  Load(const sm::Session& session, const std::string& endpoint) {
    for (int client = 0; client < client_count; ++client)
      clients_.emplace_back([this, session, endpoint] {
        while (!ended_) {
          const int round = answers.round();
          try {
            answers.add(session.runtime().invoke_endpoint({.endpoint_name = endpoint, .body = "x"}).body, round);
          } catch (const sm::ServiceError& error) {
            fail(error.code() + ": " + error.message(), round);
          } catch (const std::exception& error) {
            fail(error.what(), round);
          }
        }
      });
  }
  ~Load() { end(); }
  void end() {
    ended_ = true;
    for (std::thread& client : clients_)
      if (client.joinable()) client.join();
  }
  // Lets the clients have many answers to requests that it has sent from now on.
  void pass() {
    answers.renew();
    while (answers.in_round() < 20 * client_count) std::this_thread::sleep_for(1ms);
  }
  // What went wrong, and the round in which the request was sent.
  std::vector<std::pair<std::string, int>> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

  Answers answers;

 private:
  void fail(const std::string& what, int round) {
    const std::lock_guard lock(mutex_);
    failures_.emplace_back(what, round);
  }

  std::atomic<bool> ended_{false};
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, int>> failures_;
  std::vector<std::thread> clients_;
};

struct Fixture {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  sm::Session session = emulator.session();

  void create_model(const std::string& name) const {
    session.sagemaker().create_model({{"ModelName", name},
                                      {"ExecutionRoleArn", "arn:aws:iam::000000000000:role/SageMakerRole"},
                                      {"PrimaryContainer",
                                       {{"Image", "file://" SERVES_PROGRAM}, {"Environment", {{"WORD", name}}}}}});
  }
  static json variant(const std::string& model, const std::string& name, int count) {
    return {{"VariantName", name},
            {"ModelName", model},
            {"InitialInstanceCount", count},
            {"InstanceType", "ml.m5.large"}};
  }
  void create_config(const std::string& name, const json& variants) const {
    session.sagemaker().create_endpoint_config({{"EndpointConfigName", name}, {"ProductionVariants", variants}});
  }
  void wait() const {
    session.sagemaker().wait_for_endpoint_in_service(
        "busy", {.poll_interval = 20ms, .first_interval = 1ms, .timeout = 60s});
  }
  void scale(int count) const {
    const json desired = {{{"VariantName", "AllTraffic"}, {"DesiredInstanceCount", count}}};
    session.sagemaker().call("UpdateEndpointWeightsAndCapacities",
                             {{"EndpointName", "busy"}, {"DesiredWeightsAndCapacities", desired}});
    wait();
  }
};

}  // namespace

TEST_CASE("an endpoint is updated, scaled and loses an instance while 16 clients invoke it") {
  const Fixture local;
  local.create_model("one");
  local.create_model("two");
  local.create_config("one", json::array({Fixture::variant("one", "AllTraffic", 2)}));
  local.create_config("two", json::array({Fixture::variant("two", "AllTraffic", 3)}));
  local.create_config("both", json::array({Fixture::variant("one", "A", 1), Fixture::variant("two", "B", 1)}));
  local.session.sagemaker().create_endpoint({{"EndpointName", "busy"}, {"EndpointConfigName", "one"}});
  local.wait();
  Load load(local.session, "busy");
  load.pass();
  CHECK(load.answers.words().size() == 1);
  CHECK(load.answers.instances().size() == 2);

  // Blue/green.
  local.session.sagemaker().update_endpoint({{"EndpointName", "busy"}, {"EndpointConfigName", "two"}});
  local.wait();
  load.pass();
  CHECK(load.answers.words().count("two") == 1);
  CHECK(load.answers.words().size() == 1);
  CHECK(load.answers.instances().size() == 3);
  CHECK(load.failures().empty());

  // An instance dies, the others go on, and it comes back.
  const std::set<std::string> before = load.answers.instances();
  CHECK_THROWS_AS(local.session.runtime().invoke_endpoint({.endpoint_name = "busy", .body = "die"}),
                  sm::ServiceError);
  load.pass();
  for (int tries = 0; tries < 400 && load.answers.instances().size() < 3; ++tries) load.pass();
  CHECK(load.answers.instances().size() == 3);
  CHECK(load.answers.instances() != before);
  const int recovered = load.answers.round();

  // More and fewer instances, one at last.
  local.scale(5);
  load.pass();
  CHECK(load.answers.instances().size() == 5);
  local.scale(1);
  load.pass();
  CHECK(load.answers.instances().size() == 1);
  local.session.sagemaker().update_endpoint({{"EndpointName", "busy"}, {"EndpointConfigName", "both"}});
  local.wait();
  load.pass();
  CHECK(load.answers.words().size() == 2);
  load.end();
  const auto failures = load.failures();
  CHECK(failures.size() <= client_count);
  for (const auto& [failure, round] : failures) {
    CHECK_MESSAGE(failure.starts_with("ModelError: Received server error (0) from primary"), failure);
    CHECK_MESSAGE(round <= recovered, failure);
  }
  MESSAGE(load.answers.count() << " answers, " << failures.size() << " requests died with their container");
  local.session.sagemaker().delete_endpoint({{"EndpointName", "busy"}});
}
