// Batch transform through the client's classes, against a real sagemaker-local with real containers.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/local.hpp>
#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

struct Platform {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  std::vector<std::string> lines;  // what was printed
  sm::Session session = make_session();

  sm::Session make_session() {
    sm::SessionOptions options;
    options.config = emulator.config();
    options.output = [this](std::string_view line) { lines.emplace_back(line); };
    return sm::Session(options);
  }
  bool printed(const std::string& part) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  sm::Model model(const std::string& name = "doubling") const {
    return {session, {.image_uri = "file://" DOUBLING_PROGRAM, .env = {{"WHOM", "nobody"}}, .name = name}};
  }
  sm::Transformer transformer(sm::TransformerOptions options = {}) const {
    options.instance_type = "ml.m5.large";
    options.accept = "text/csv";
    if (options.assemble_with.empty()) options.assemble_with = "Line";
    return model().transformer(options);
  }
  // Objects a.csv, b.csv, ... of these texts, below a prefix.
  std::string rows(const std::vector<std::string>& texts, const std::string& folder = "rows") const {
    char name = 'a';
    for (const std::string& text : texts)
      session.upload_string(text, session.default_location() / folder / (std::string(1, name++) + ".csv"));
    return (session.default_location() / folder).text() + "/";
  }
};

const sm::TransformOptions lines_of_csv{.content_type = "text/csv", .split_type = "Line"};

}  // namespace

TEST_CASE("every object below a prefix is answered, on several instances, with its records joined") {
  Platform platform;
  sm::Transformer transformer = platform.transformer({.instance_count = 2, .env = {{"WHOM", "us"}}});
  sm::TransformOptions options = lines_of_csv;
  options.input_filter = "$[1]";
  options.join_source = "Input";
  transformer.transform(platform.rows({"one,1\ntwo,2\n", "three,3\n"}), options);

  const std::vector<std::string> uris = transformer.output_uris();
  REQUIRE(uris.size() == 2);
  CHECK(uris[0] == transformer.output_path() + "/a.csv.out");
  CHECK(uris[1] == transformer.output_path() + "/b.csv.out");
  CHECK(transformer.read_output() == "one,1,2\ntwo,2,4\nthree,3,6\n");
  CHECK(transformer.describe()["TransformJobStatus"] == "Completed");
  CHECK(platform.printed("doubled for us"));            // the job's environment goes over the model's
  CHECK(platform.printed("MaxConcurrentTransforms="));  // of the data log
  CHECK(platform.printed("InProgress - Transform job doubling-"));
  CHECK(platform.printed("Completed - Transform job doubling-"));
}

TEST_CASE("a model answers in a job as it does on an endpoint") {
  const Platform platform;
  sm::Model model = platform.model();
  sm::Transformer transformer =
      model.transformer({.instance_type = "ml.m5.large", .assemble_with = "Line", .accept = "text/csv"});
  const sagemaker::tests::TemporaryDirectory folder;
  std::ofstream(folder / "rows.csv") << "4\n5\n";
  transformer.transform(folder.path().string(), lines_of_csv);  // a local folder
  const sm::Predictor predictor = model.deploy({.instance_type = "ml.m5.large"});
  const auto answer =
      predictor.predict_raw({.body = "4\n5\n", .content_type = "text/csv", .accept = "text/csv"});
  CHECK(transformer.read_output() == "8\n10\n");
  CHECK(answer.body == "8\n10\n");
  predictor.delete_endpoint();
  transformer.delete_model();
  CHECK(platform.session.sagemaker().list_models()["Models"].empty());
  CHECK_THROWS_AS(transformer.transform("s3://bucket/rows", {.job_name = "j"}), sm::ServiceError);
}

TEST_CASE("containers of a pipeline answer one after the other") {
  const Platform platform;
  sm::PipelineModel pipeline(platform.session, {platform.model("one"), platform.model("two")},
                             {.name = "both"});
  sm::Transformer transformer =
      pipeline.transformer({.instance_type = "ml.m5.large", .assemble_with = "Line", .accept = "text/csv"});
  transformer.transform(platform.rows({"1\n2\n"}), lines_of_csv);
  CHECK(transformer.read_output() == "4\n8\n");
}

TEST_CASE("a record that fails costs its object the answers, and the job tells why") {
  Platform platform;
  sm::Transformer transformer = platform.transformer();
  try {
    transformer.transform(platform.rows({"1\n", "fail\n", "3\n"}), lines_of_csv);
    FAIL("no error");
  } catch (const sm::UnexpectedStatus& error) {
    CHECK(error.status() == "Failed");
    CHECK(error.reason() == transformer.describe()["FailureReason"].get<std::string>());
    CHECK(error.reason().find("See job logs for more information") != std::string::npos);
  }
  CHECK(platform.printed("rows/b.csv: ClientError: 400"));
  CHECK(platform.printed("cannot double this"));
  CHECK(transformer.read_output() == "2\n6\n");
}

TEST_CASE("a job that is stopped stores nothing, and is found again by its name") {
  Platform platform;
  sm::Transformer transformer = platform.transformer();
  sm::TransformOptions options = lines_of_csv;
  options.wait = false;
  transformer.transform(platform.rows({"1\n", "wait\n"}), options);
  sm::Transformer same = sm::Transformer::attach(platform.session, transformer.latest_transform_job());
  CHECK(same.describe()["TransformJobStatus"] == "InProgress");
  same.stop_transform_job();
  CHECK(platform.printed("Job ended with status 'Stopped'"));
  CHECK(transformer.wait()["TransformJobStatus"] == "Stopped");
  CHECK(transformer.output_uris().empty());
  transformer.stop_transform_job();  // it has ended: no error
  CHECK(same.options().assemble_with == "Line");
  same.transform(platform.rows({"7\n"}, "other"), lines_of_csv);
  CHECK(same.read_output() == "14\n");
}
