// The sample 05_tuning on an emulator of its own: the tuning job runs, its best model is served, and nothing
// is left.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/sagemaker.hpp>

#include "tests/emulator/sample_run.hpp"
#include "tests/support/support.hpp"

namespace sm = sagemaker;

TEST_CASE(
    "samples/05_tuning: trials are shown and written, the best model is asked and everything taken down") {
  const sagemaker::tests::TemporaryDirectory folder;
  const std::string table = (folder / "trials.csv").string();
  const sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  const sagemaker::tests::SampleRun run = sagemaker::tests::run_sample(
      SAMPLE_PROGRAM " --jobs 5 --images 640 --epochs 2 --csv '" + table + "'", &emulator);
  const std::string& text = run.text;
  CAPTURE(text);
  CHECK(run.status == 0);
  for (const char* part : {"\ntrial  learning-rate   momentum  optimizer      width  objective\n", "\n    5 ",
                           "the best is mnist-", "hyperparameters of the tuning job: "})
    CHECK(text.find(part) != std::string::npos);

  std::ifstream file(table);
  const std::string rows{std::istreambuf_iterator<char>(file), {}};
  CHECK(rows.starts_with(",learning-rate,momentum,optimizer,width,TrainingJobName,"));
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 6);

  const sm::Session session = emulator.session();
  CHECK(session.sagemaker().list_training_jobs()["TrainingJobSummaries"].size() == 6);
  CHECK(session.sagemaker().list_models()["Models"].empty());
  CHECK(session.sagemaker().list_endpoint_configs()["EndpointConfigs"].empty());
  CHECK(session.list_s3_files(session.default_location()).empty());
}
