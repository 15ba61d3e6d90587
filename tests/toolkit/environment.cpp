// What a program finds around it: tolerant hyperparameters, channels, hosts, and errors that name what there
// is.
#include <doctest/doctest.h>

#include <sagemaker/container/environment.hpp>

#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

using namespace sagemaker::tests;
using sagemaker::ConfigError;
using sagemaker::json;
using sagemaker::container::ServingEnvironment;
using sagemaker::container::TrainingEnvironment;
using sagemaker::container::Variables;

namespace {

TrainingEnvironment with_hyperparameters(const json& given) {
  TemporaryDirectory base;
  write_text(base / "input/config/hyperparameters.json", given.dump());
  return TrainingEnvironment::read({{"SAGEMAKER_BASE_DIR", base.path().string()}});
}

TrainingEnvironment with_resources(const std::string& config) {
  TemporaryDirectory base;
  write_text(base / "input/config/resourceconfig.json", config);
  return TrainingEnvironment::read({{"SAGEMAKER_BASE_DIR", base.path().string()}});
}

}  // namespace

TEST_CASE("a hyperparameter means the same, however a client wrote it") {
  const auto env =
      with_hyperparameters({{"a", "0.1"}, {"b", "\"0.1\""}, {"c", 0.1}, {"d", "1e-1"}, {"e", " 0.1 "}});
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    CAPTURE(name);
    CHECK(env.hyperparameter<double>(name) == 0.1);
    CHECK(env.hyperparameter<float>(name) == 0.1f);
  }
  const auto whole =
      with_hyperparameters({{"a", "10"}, {"b", "\"10\""}, {"c", 10}, {"d", "10.0"}, {"e", "1e1"}});
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    CAPTURE(name);
    CHECK(whole.hyperparameter<int>(name) == 10);
    CHECK(whole.hyperparameter<std::uint8_t>(name) == 10);
    CHECK(whole.hyperparameter<double>(name) == 10.0);
  }
}

TEST_CASE("hyperparameters of every type, and their defaults") {
  const auto env = with_hyperparameters({{"on", "true"},
                                         {"off", "False"},
                                         {"name", "\"adam\""},
                                         {"raw", "adam"},
                                         {"version", "1.0"},
                                         {"sizes", "[1, 2]"},
                                         {"names", "[\"a\", \"b\"]"},
                                         {"object", "{\"k\": 1}"},
                                         {"negative", "-3"},
                                         {"empty", ""}});
  CHECK(env.hyperparameter<bool>("on"));
  CHECK_FALSE(env.hyperparameter<bool>("off"));
  CHECK(env.hyperparameter<std::string>("name") == "adam");
  CHECK(env.hyperparameter("raw", "sgd") == "adam");
  CHECK(env.hyperparameter("version", "") == "1.0");  // as it was written
  CHECK(env.hyperparameter<std::vector<int>>("sizes") == std::vector<int>{1, 2});
  CHECK(env.hyperparameter<std::vector<std::string>>("names") == std::vector<std::string>{"a", "b"});
  CHECK(env.hyperparameter<json>("object") == json{{"k", 1}});
  CHECK(env.hyperparameter("negative", 0) == -3);
  CHECK(env.hyperparameter("empty", "x").empty());
  CHECK(env.hyperparameter("missing", 7) == 7);
  CHECK(env.hyperparameter("missing", 0.5) == 0.5);
  CHECK(env.hyperparameter("missing", "text") == "text");
}

TEST_CASE("a hyperparameter that is missing or of another type is named") {
  const auto env =
      with_hyperparameters({{"epochs", "many"}, {"half", "0.5"}, {"large", "300"}, {"negative", "-1"}});
  CHECK_THROWS_WITH_AS(env.hyperparameter<int>("epochs"),
                       "hyperparameter 'epochs' must be an integer, got 'many'", ConfigError);
  CHECK_THROWS_AS(env.hyperparameter<double>("epochs"), ConfigError);
  CHECK_THROWS_AS(env.hyperparameter<bool>("epochs"), ConfigError);
  CHECK_THROWS_AS(env.hyperparameter<int>("half"), ConfigError);
  CHECK_THROWS_WITH_AS(env.hyperparameter<std::uint8_t>("large"),
                       "hyperparameter 'large' must be an integer from 0 to 255, got '300'", ConfigError);
  CHECK_THROWS_AS(env.hyperparameter<unsigned>("negative"), ConfigError);
  CHECK_THROWS_AS(env.hyperparameter<std::vector<int>>("epochs"), ConfigError);
  CHECK_THROWS_WITH_AS(env.hyperparameter<int>("absent"),
                       "hyperparameter 'absent' is required and was not given", ConfigError);
}

TEST_CASE("the platform's own hyperparameters are kept apart") {
  const auto env = with_hyperparameters({{"sagemaker_program", "\"train.cpp\""}, {"lr", "1"}});
  CHECK(env.hyperparameters.size() == 1);
  CHECK(env.platform_parameters.at("sagemaker_program").value == "train.cpp");
}

TEST_CASE("channels come from the configuration, from folders and from variables") {
  TemporaryDirectory base;
  write_text(base / "input/config/inputdataconfig.json",
             R"({"training":{"TrainingInputMode":"File"},"validation":{}})");
  std::filesystem::create_directories(base / "input/data/extra");
  const auto env = TrainingEnvironment::read({{"SAGEMAKER_BASE_DIR", base.path().string()},
                                              {"SM_CHANNEL_VALIDATION", "/elsewhere"},
                                              {"SM_CHANNEL_BY_HAND", "/by/hand"}});
  CHECK(env.channel("training") == base / "input/data/training");
  CHECK(env.channel("validation") == "/elsewhere");
  CHECK(env.channel("extra") == base / "input/data/extra");
  CHECK(env.channel("by_hand") == "/by/hand");
  CHECK_THROWS_WITH_AS(env.channel("test"),
                       "there is no input channel 'test'; the job has: by_hand, extra, training, validation",
                       ConfigError);
  CHECK(env.to_variables().at("SM_CHANNELS") == R"(["by_hand","extra","training","validation"])");
}

TEST_CASE("hosts are sorted, and rank and master follow from them") {
  const auto env = with_resources(
      R"({"current_host":"algo-2","hosts":["algo-3","algo-1","algo-2"],"network_interface_name":"eth1",
          "current_instance_type":"ml.c5.xlarge"})");
  CHECK(env.world_size() == 3);
  CHECK(env.rank() == 1);
  CHECK_FALSE(env.is_master());
  CHECK(env.master_address() == "algo-1");
  CHECK(env.network_interface == "eth1");
  CHECK(env.instance_type == "ml.c5.xlarge");
  CHECK_THROWS_AS(with_resources(R"({"current_host":"algo-9","hosts":["algo-1"]})").rank(), ConfigError);
  CHECK_THROWS_AS(with_resources(R"({"hosts":"algo-1"})"), ConfigError);
}

TEST_CASE("by hand, without any file, a program runs as the only host") {
  TemporaryDirectory base;
  const auto env =
      TrainingEnvironment::read({{"SAGEMAKER_BASE_DIR", base.path().string()}, {"SM_NUM_CPUS", "3"}});
  CHECK(env.world_size() == 1);
  CHECK(env.rank() == 0);
  CHECK(env.current_host == "algo-1");
  CHECK(env.num_cpus == 3);
  CHECK(env.model_dir == base / "model");
  CHECK(env.output_data_dir == base / "output/data");
  CHECK(env.checkpoint_dir == base / "checkpoints");
  CHECK(TrainingEnvironment::read({}).model_dir == "/opt/ml/model");
  CHECK_THROWS_AS(TrainingEnvironment::read({{"SM_NUM_CPUS", "two"}}), ConfigError);
}

TEST_CASE("the variables of serving") {
  const auto plain = ServingEnvironment::read({});
  CHECK(plain.bind_host == "0.0.0.0");
  CHECK(plain.bind_port == 8080);
  CHECK(plain.model_dir == "/opt/ml/model");
  CHECK(plain.invocation_timeout == std::chrono::seconds(60));
  const auto env = ServingEnvironment::read({{"SAGEMAKER_BIND_TO_PORT", "9000"},
                                             {"SAGEMAKER_MODEL_SERVER_TIMEOUT", "5"},
                                             {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "6"},
                                             {"SAGEMAKER_TS_BATCH_SIZE", "8"},
                                             {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv"}});
  CHECK(env.bind_port == 9000);
  CHECK(env.invocation_timeout == std::chrono::seconds(5));
  CHECK(env.payload_bytes_max == 6u << 20);
  CHECK(env.batch_rows_max == 8);
  CHECK(env.default_accept == "text/csv");
  CHECK_FALSE(env.batch_transform);
  const auto batch =
      ServingEnvironment::read({{"SAGEMAKER_BATCH", "true"}, {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "0"}});
  CHECK(batch.batch_transform);
  CHECK(batch.invocation_timeout == std::chrono::hours(1));  // the job's own limit is what counts
  CHECK(batch.payload_bytes_max > std::size_t{100} << 30);
  CHECK(ServingEnvironment::read({{"SAGEMAKER_BATCH", "true"}, {"SAGEMAKER_MODEL_SERVER_TIMEOUT", "5"}})
            .invocation_timeout == std::chrono::seconds(5));
  CHECK_THROWS_WITH_AS(ServingEnvironment::read({{"SAGEMAKER_BIND_TO_PORT", "http"}}),
                       "variable SAGEMAKER_BIND_TO_PORT must be an integer from 0 to 65535, got 'http'",
                       ConfigError);
}
