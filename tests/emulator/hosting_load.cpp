// An endpoint under load: 16 clients invoke it all the time while it is updated, scaled and loses an instance.
// No request fails but those that were in the container that was killed, as on AWS.
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

namespace sm = sagemaker;
using sm::json;
using namespace std::chrono_literals;

namespace {

constexpr int client_count = 16;

// What the clients have heard. All of it since the last clear().
class Answers {
 public:
  void add(const std::string& body) {
    const std::lock_guard lock(mutex_);
    ++count_;
    const std::size_t blank = body.find(' ');
    ++words_[body.substr(0, blank)];
    instances_.insert(body.substr(blank + 1));
  }
  void clear() {
    const std::lock_guard lock(mutex_);
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

 private:
  mutable std::mutex mutex_;
  int count_ = 0;
  std::map<std::string, int> words_;
  std::set<std::string> instances_;
};

class Load {
 public:
  Load(const sm::Session& session, const std::string& endpoint) {
    for (int client = 0; client < client_count; ++client)
      clients_.emplace_back([this, session, endpoint] {
        while (!ended_) {
          try {
            answers.add(session.runtime().invoke_endpoint({.endpoint_name = endpoint, .body = "x"}).body);
          } catch (const sm::ServiceError& error) {
            fail(error.code() + ": " + error.message());
          } catch (const std::exception& error) {
            fail(error.what());
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
  // Lets each client have several answers to requests that it has sent from now on.
  void pass() {
    const int before = answers.count();
    while (answers.count() < before + 4 * client_count) std::this_thread::sleep_for(1ms);
    answers.clear();
    const int cleared = answers.count();
    while (answers.count() < cleared + 20 * client_count) std::this_thread::sleep_for(1ms);
  }
  std::vector<std::string> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

  Answers answers;

 private:
  void fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(what);
  }

  std::atomic<bool> ended_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> failures_;
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
  const auto after_kill = load.failures();
  CHECK(after_kill.size() <= client_count);
  for (const std::string& failure : after_kill)
    CHECK_MESSAGE(failure.starts_with("ModelError: Received server error (0) from primary"), failure);

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
  CHECK(load.failures() == after_kill);
  MESSAGE(load.answers.count() << " answers, " << after_kill.size() << " requests died with their container");
  local.session.sagemaker().delete_endpoint({{"EndpointName", "busy"}});
}
