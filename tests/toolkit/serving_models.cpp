// A multi-model endpoint's container: load, list, describe, invoke and unload over HTTP, and what happens
// when memory is short. Real processes.
#include <string>
#include <thread>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/uri.hpp>

#include "tests/toolkit/endpoint.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

struct Models : Endpoint {
  explicit Models(Process::Variables more = {}) : Endpoint("models", with_mode(std::move(more))) { serve(); }
  static Process::Variables with_mode(Process::Variables variables) {
    variables["SAGEMAKER_MULTI_MODEL"] = "true";
    return variables;
  }
  // A folder with a model.
  std::string model(const std::string& name, const std::string& factor, const std::string& megabytes = "0") {
    write_text(base / "models" / name / "factor", factor);
    write_text(base / "models" / name / "megabytes", megabytes);
    return (base / "models" / name).string();
  }
  httplib::Response load(const std::string& name, const std::string& url) const {
    const auto result =
        client().Post("/models", json{{"model_name", name}, {"url", url}}.dump(), "application/json");
    REQUIRE(result);
    return *result;
  }
  httplib::Response invoke(const std::string& name, const std::string& body) const {
    const auto result = client().Post("/models/" + name + "/invoke", body, "application/json");
    REQUIRE(result);
    return *result;
  }
  httplib::Response get(const std::string& path) const {
    const auto result = client().Get(path);
    REQUIRE(result);
    return *result;
  }
  httplib::Response unload(const std::string& name) const {
    const auto result = client().Delete("/models/" + name);
    REQUIRE(result);
    return *result;
  }
};

}  // namespace

TEST_CASE("models are loaded, listed, invoked and unloaded by name") {
  Models endpoint;
  CHECK(endpoint.get("/ping").status == 200);
  CHECK(endpoint.get("/models").body == R"({"models":[]})");
  const std::string two = endpoint.model("two", "2"), three = endpoint.model("three", "3");
  CHECK(endpoint.load("a", two).status == 200);
  CHECK(endpoint.load("b", three).status == 200);
  CHECK(endpoint.load("a", three).status == 409);
  CHECK(endpoint.invoke("a", "[[1]]").body == "[[2.0]]");
  CHECK(endpoint.invoke("b", "[[1]]").body == "[[3.0]]");
  CHECK(endpoint.invoke("c", "[[1]]").status == 404);
  CHECK(endpoint.invoke("a", "[[1]").status == 400);
  CHECK(json::parse(endpoint.get("/models/a").body) == json{{"modelName", "a"}, {"modelUrl", two}});
  CHECK(endpoint.get("/models/c").status == 404);
  CHECK(json::parse(endpoint.get("/models").body)["models"].size() == 2);
  CHECK(endpoint.get("/metrics").body.find("sagemaker_models_loaded 2\n") != std::string::npos);

  CHECK(endpoint.unload("a").status == 200);
  CHECK(endpoint.unload("a").status == 404);
  CHECK(endpoint.invoke("a", "[[1]]").status == 404);
  CHECK(endpoint.invoke("b", "[[1]]").body == "[[3.0]]");
  CHECK(endpoint.load("a", three).status == 200);
  CHECK(endpoint.invoke("a", "[[1]]").body == "[[3.0]]");

  CHECK(endpoint.post({"[[1]]"}).status == 405);  // which model?
  CHECK(endpoint.load("d", "/no/such/folder").status == 400);
  write_text(endpoint.base / "models/bad/broken", "");
  const httplib::Response broken = endpoint.load("d", (endpoint.base / "models/bad").string());
  CHECK(broken.status == 500);
  CHECK(broken.body.find("this model is broken") != std::string::npos);
  CHECK(endpoint.get("/models/d").status == 404);
  const auto nonsense = endpoint.client().Post("/models", "{}", "application/json");
  REQUIRE(nonsense);
  CHECK(nonsense->status == 400);
}

TEST_CASE("a long list comes in pages") {
  Models endpoint;
  const std::string folder = endpoint.model("one", "1");
  for (int i = 0; i < 205; ++i) REQUIRE(endpoint.load("m " + std::to_string(i), folder).status == 200);
  std::size_t found = 0;
  std::string path = "/models";
  for (int page = 0; page < 3; ++page) {
    const json list = json::parse(endpoint.get(path).body);
    found += list["models"].size();
    CHECK(list.contains("nextPageToken") == (page < 2));
    if (page < 2) {
      path =
          "/models?next_page_token=" + sagemaker::aws::uri_encode(list["nextPageToken"].get<std::string>());
    }
  }
  CHECK(found == 205);
  CHECK(endpoint.invoke("m%20204", "[[5]]").body == "[[5.0]]");
}

TEST_CASE("a model for which memory is short is refused with 507, and fits when another is gone") {
  Models endpoint(Process::Variables{{"SAGEMAKER_MAX_MODEL_MEMORY_MB", "100"}});
  const std::string large = endpoint.model("large", "2", "60"), small = endpoint.model("small", "3", "10");
  CHECK(endpoint.load("a", large).status == 200);
  const httplib::Response refused = endpoint.load("b", large);
  CHECK(refused.status == 507);
  CHECK(refused.body == "there is not enough memory for the model 'b'\n");
  CHECK(endpoint.load("c", small).status == 200);
  CHECK(endpoint.unload("a").status == 200);
  CHECK(endpoint.load("b", large).status == 200);
  CHECK(endpoint.invoke("b", "[[1]]").body == "[[2.0]]");
  CHECK(endpoint.load("d", endpoint.model("huge", "1", "100000000")).status ==
        507);  // libtorch cannot allocate it
  CHECK(endpoint.invoke("c", "[[1]]").body == "[[3.0]]");
}

TEST_CASE("one model that takes long keeps no other waiting, and unloading lets its requests end") {
  Models endpoint(Process::Variables{{"SAGEMAKER_SERVER_LOOPS", "1"}});
  REQUIRE(endpoint.load("slow", endpoint.model("two", "2")).status == 200);
  REQUIRE(endpoint.load("quick", endpoint.model("three", "3")).status == 200);
  for (int i = 0; i < 50; ++i) CHECK(endpoint.invoke("slow", "[[1]]").status == 200);
  std::thread held([&] { CHECK(endpoint.invoke("slow", "[[-1]]").body == "[[-2.0]]"); });
  REQUIRE(endpoint.process->wait_for("waiting"));
  std::thread waiting([&] {
    const httplib::Response answer = endpoint.invoke("slow", "[[5]]");
    CHECK((answer.body == "[[10.0]]" || answer.status == 404));
  });
  for (int i = 0; i < 5; ++i) CHECK(endpoint.invoke("quick", "[[1]]").body == "[[3.0]]");
  std::thread unloading([&] { CHECK(endpoint.unload("slow").status == 200); });
  while (endpoint.get("/models/slow").status == 200) std::this_thread::yield();
  CHECK(endpoint.load("other", (endpoint.base / "models/two").string()).status == 200);
  CHECK(endpoint.process->output().find("Model slow unloaded") == std::string::npos);
  write_text(endpoint.base / "release", "");
  held.join();
  waiting.join();
  unloading.join();
  CHECK(endpoint.process->output().find("Model slow unloaded") != std::string::npos);
}
