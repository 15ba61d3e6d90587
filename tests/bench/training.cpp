// From CreateTrainingJob to the first line of the job's program in its log: for a program named by a file:// image, for
// a C++ entry point that is compiled for the first time, and for one that was compiled before. Floor: the same program
// started by hand until its first line. And a training step in a job over the same step in a bare libtorch program.
#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;

// The first line of what a shell command prints, and after how many milliseconds it came.
struct FirstLine {
  std::string text;
  double ms = 0;
};
FirstLine first_line_of(const std::string& command) {
  const auto start = Steady::now();
  FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) throw std::runtime_error("cannot run " + command);
  char line[256] = "";
  const bool read = std::fgets(line, sizeof line, output) != nullptr;
  const double ms = ms_since(start);
  const int status = ::pclose(output);
  if (!read || status != 0) throw std::runtime_error(command + " failed");
  return {line, ms};
}

double own_start_ms() {
  std::vector<double> samples;
  for (int round = 0; round < 3; ++round) {
    const sm::detail::TemporaryFolder folder;
    const FirstLine line =
        first_line_of("SAGEMAKER_BASE_DIR=" + folder.path().string() + " " + model_program() + " train");
    if (!line.text.starts_with("bench: first line")) throw std::runtime_error("bench_model said \"" + line.text + "\"");
    samples.push_back(line.ms);
  }
  return percentile(samples, 0.5);
}

std::vector<sm::json> log_of(const sm::Session& session, const std::string& job) {
  const std::string group = "/aws/sagemaker/TrainingJobs";
  std::vector<sm::json> events;
  for (const sm::json& stream :
       session.logs().log_streams({{"logGroupName", group}, {"logStreamNamePrefix", job + "/"}})) {
    for (const sm::json& event :
         session.logs().log_events({{"logGroupName", group}, {"logStreamName", stream.at("logStreamName")}})) {
      events.push_back(event);
    }
  }
  return events;
}

// The first event of a job's log that begins with `prefix`.
sm::json event_of(const sm::Session& session, const std::string& job, std::string_view prefix) {
  for (const sm::json& event : log_of(session, job)) {
    if (event.at("message").get_ref<const std::string&>().starts_with(prefix)) return event;
  }
  throw std::runtime_error("the log of " + job + " has no line that begins with \"" + std::string(prefix) + "\"");
}

// Milliseconds from the creation of the latest job to the first line of its program.
double first_line_ms(const sm::Session& session, sm::Estimator& estimator) {
  estimator.fit({}, {.logs = false, .job_name = unique_name("bench-job")});
  const double created_ms = estimator.describe().at("CreationTime").get<double>() * 1000;
  const sm::json event = event_of(session, estimator.latest_training_job(), "bench: first line");
  return event.at("timestamp").get<double>() - created_ms;
}

double median_first_line_ms(const sm::Session& session, sm::Estimator& estimator) {
  std::vector<double> samples;
  for (int round = 0; round < 5; ++round) samples.push_back(first_line_ms(session, estimator));
  return percentile(samples, 0.5);
}

sm::EstimatorOptions options() {
  sm::EstimatorOptions options;
  options.role = role_arn();
  options.instance_type = "ml.m5.large";
  options.max_run = 120;
  return options;
}

sm::Estimator prebuilt(const sm::Session& session) {
  sm::EstimatorOptions chosen = options();
  chosen.image_uri = "file://" + model_program();
  return {session, std::move(chosen)};
}

// The source of bench_model with a line that no cache has seen.
sm::Estimator entry_point(const sm::Session& session, const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "model.cpp";
  std::filesystem::copy_file(SAGEMAKER_BENCH_MODEL_SOURCE, file);
  std::ofstream(file, std::ios::app) << "// " << sm::aws::uuid4() << "\n";
  sm::EstimatorOptions chosen = options();
  chosen.entry_point = file;
  return {session, std::move(chosen)};
}

void measure_start(const sm::Session& session) {
  const double floor_ms = own_start_ms();
  const Floor floor{"the program started by hand", floor_ms};
  sm::Estimator program = prebuilt(session);
  print({"CreateTrainingJob to first line, program", "ms", median_first_line_ms(session, program), floor,
         {150, Judged::excess}});
  const sm::detail::TemporaryFolder folder;
  sm::Estimator script = entry_point(session, folder.path());
  print({"CreateTrainingJob to first line, C++, first time", "ms", first_line_ms(session, script), floor,
         {10'000, Judged::excess}});
  print({"CreateTrainingJob to first line, C++, cached", "ms", median_first_line_ms(session, script), floor,
         {150, Judged::excess}});
}

// Best of a few rounds, job and bare program in turn, so that both meet the same machine.
void measure_step(const sm::Session& session) {
  sm::Estimator estimator = prebuilt(session);
  estimator.set_hyperparameters({{"steps", true}});
  double in_job_ms = 1e9, bare_ms = 1e9;
  for (int round = 0; round < 3; ++round) {
    estimator.fit({}, {.logs = false, .job_name = unique_name("bench-steps")});
    const std::string job = estimator.latest_training_job();
    const auto number_after = [&](const std::string& prefix) {
      return std::stod(event_of(session, job, prefix).at("message").get<std::string>().substr(prefix.size()));
    };
    in_job_ms = std::min(in_job_ms, number_after("bench: step "));
    const int threads = static_cast<int>(number_after("bench: threads "));
    bare_ms = std::min(bare_ms, std::stod(first_line_of(model_program() + " steps " + std::to_string(threads)).text));
  }
  print({"training step of an MLP in a job, p50", "ms", in_job_ms, {"bare libtorch program", bare_ms},
         {1.02, Judged::ratio}});
}

void measure() {
  const sm::LocalEmulator emulator;
  sm::SessionOptions quiet;
  quiet.config = emulator.config();
  quiet.output = [](std::string_view) {};
  const sm::Session session(std::move(quiet));
  measure_start(session);
  measure_step(session);
}
}  // namespace

int main() { return run("bench_training", measure); }
