// Goal: what a multi-model container has loaded is never taken for what another one has, whenever it ends.
// Method: a container that only counts, whose answers are the test's.
#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

#include <doctest/doctest.h>

#include "emulator/runner/archive.hpp"
#include "emulator/services/sagemaker/hosting/model_cache.hpp"
#include "emulator/services/service_error.hpp"
#include "tests/unit/runtime_fixture.hpp"

using namespace sagemaker;
using namespace sagemaker::local::services::hosting;
using namespace std::chrono_literals;
namespace runner = sagemaker::local::runner;

namespace {

struct Container final : runner::ServingInstance {
  State state() const override { return State::in_service; }
  bool ready() const override { return true; }
  Failure failure() const override { return Failure::none; }
  std::string failure_detail() const override { return {}; }
  int restarts() const override { return started_again; }
  std::string last_exit() const override { return {}; }
  State wait_started(std::chrono::milliseconds) override { return State::in_service; }
  runner::InvocationResult invoke(const runner::Invocation& call, std::chrono::milliseconds) override {
    if (call.method == "DELETE") ++unloads;
    if (call.method == "POST" && on_load) on_load(std::string(call.body));
    return {.kind = runner::InvocationResult::Kind::answered, .status = 200, .headers = {}, .body = {}};
  }
  int in_flight() const override { return 0; }
  void stop(std::chrono::milliseconds) override {}

  std::atomic<int> started_again{0}, unloads{0};
  std::function<void(const std::string& body)> on_load;
};

struct Models : tests::RuntimeServices {
  Models() {
    const auto files = folder / "files", packed = folder / "model.tar.gz";
    std::filesystem::create_directories(files);
    runner::pack_tar_gz(files, packed);
    std::ifstream file(packed, std::ios::binary);
    const std::string archive{std::istreambuf_iterator<char>(file), {}};
    for (const char* name : {"models/a.tar.gz", "models/b.tar.gz"}) {
      auto blob = objects.new_blob();
      blob->append(archive);
      local::store::ObjectInfo info;
      info.key = name;
      info.size = blob->size();
      info.etag = blob->md5_hex();
      objects.put("bucket", info, std::move(blob));
    }
  }
  ModelCache& cache(bool keeps) {
    ContainerPlan plan;
    plan.name = "primary";
    plan.model_uri = "s3://bucket/models/";
    plan.multi_model = true;
    plan.cache_models = keeps;
    return made.emplace(platform, plan, container, "e", folder / "ml/models");
  }

  Container container;
  std::optional<ModelCache> made;  // last: its loads use the container
};

}  // namespace

TEST_CASE("a request of a container that has ended does not give back what another one uses") {
  Models models;
  ModelCache& cache = models.cache(false);
  std::optional<ModelCache::Lease> before, after;
  before.emplace(cache.use("a.tar.gz", 20s));
  models.container.started_again = 1;
  after.emplace(cache.use("a.tar.gz", 20s));
  before.reset();
  CHECK(cache.has("a.tar.gz"));
  after.reset();
  CHECK_FALSE(cache.has("a.tar.gz"));
  CHECK(tests::soon([&] { return models.container.unloads == 1; }));
}

TEST_CASE("a container that ends while it loads a model has not loaded it") {
  Models models;
  ModelCache& cache = models.cache(true);
  std::atomic<bool> once{false};
  models.container.on_load = [&](const std::string&) {
    if (once.exchange(true)) return;
    models.container.started_again = 1;
    try {  // another request sees the new container before the load of the old one has returned
      cache.use("b.tar.gz", 0ms);
    } catch (const local::ServiceFault&) {
      // It is not ready yet.
    }
  };
  CHECK_THROWS_AS(cache.use("a.tar.gz", 20s), local::ServiceFault);
  CHECK_FALSE(cache.has("a.tar.gz"));
  CHECK_FALSE(cache.use("a.tar.gz", 20s).load().cached);
  CHECK(cache.use("a.tar.gz", 20s).load().cached);
}
