// What input data costs a training job: its start over 10,000 objects in File mode and in FastFile mode, with
// a job over one object as the floor, and the bytes a second of a Pipe channel, with cat(1) through a FIFO
// made by hand as the floor.
#include <atomic>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include <sagemaker/local.hpp>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace fs = std::filesystem;
namespace sm = sagemaker;

constexpr int objects = 10'000;
constexpr std::size_t object_bytes = 16 * 1024;
constexpr std::size_t streamed_bytes = 512ull << 20;
constexpr int rounds = 3;

std::string make_program(const fs::path& file, const std::string& text) {
  std::ofstream(file) << "#!/bin/sh\n" << text;
  fs::permissions(file, fs::perms::owner_all);
  return "file://" + file.string();
}

sm::json job_over(const std::string& image, const std::string& prefix, const std::string& mode) {
  sm::json job = training_job(unique_name("inputs"), image, "s3://bench/output");
  job["AlgorithmSpecification"]["TrainingInputMode"] = mode;
  job["InputDataConfig"] = sm::json::array(
      {{{"ChannelName", "train"},
        {"DataSource", {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", prefix}}}}}}});
  return job;
}

double until_completed_ms(const sm::Session& session, const sm::json& job) {
  const auto start = Steady::now();
  session.sagemaker().create_training_job(job);
  sm::WaitOptions options;
  options.poll_interval = std::chrono::milliseconds(5);
  session.sagemaker().wait_for_training_job(job.at("TrainingJobName"), options);
  return ms_since(start);
}

double best_job_ms(const sm::Session& session, const std::string& image, const std::string& prefix,
                   const std::string& mode) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round)
    best = std::min(best, until_completed_ms(session, job_over(image, prefix, mode)));
  return best;
}

void upload_many(const sm::Session& session) {
  std::atomic<int> next{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&] {
      const std::string body(object_bytes, 'x');
      for (int i = next++; i < objects; i = next++)
        session.s3().put_object({.bucket = "bench", .key = "many/" + std::to_string(i), .body = body});
    });
  }
  for (std::thread& client : clients) client.join();
}

void measure_start(const sm::Session& session, const fs::path& folder) {
  const std::string image = make_program(folder / "nothing", "exit 0\n");
  session.s3().put_object({.bucket = "bench", .key = "one/object", .body = "x"});
  upload_many(session);
  const Floor one{"a job over one object", best_job_ms(session, image, "s3://bench/one/", "File")};
  const double file = best_job_ms(session, image, "s3://bench/many/", "File");
  print({"a job over 10,000 objects, File", "ms", file, one});
  print({"a job over 10,000 objects, FastFile",
         "ms",
         best_job_ms(session, image, "s3://bench/many/", "FastFile"),
         {"File", file}});
}

// MB/s of a command that reads all of the data once.
double command_rate(const std::string& command) {
  const auto start = Steady::now();
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command + " failed");
  return static_cast<double>(streamed_bytes) / 1e3 / ms_since(start);
}

double fifo_rate(const fs::path& data, const fs::path& folder) {
  const fs::path fifo = folder / "fifo";
  if (::mkfifo(fifo.c_str(), 0600) != 0) throw std::runtime_error("cannot make a FIFO");
  double best = 0;
  for (int round = 0; round < rounds; ++round)
    best = std::max(best, command_rate("cat " + data.string() + " > " + fifo.string() + " & cat " +
                                       fifo.string() + " > /dev/null; wait"));
  return best;
}

// The job tells the milliseconds of each epoch in its log.
double pipe_rate(const sm::Session& session, const fs::path& folder) {
  const std::string image = make_program(folder / "reader",
                                         "for epoch in 0 1 2; do\n  begin=$(date +%s%N)\n"
                                         "  cat /opt/ml/input/data/train_$epoch > /dev/null\n"
                                         "  echo $((($(date +%s%N) - begin) / 1000))\ndone\n");
  const sm::json job = job_over(image, "s3://bench/stream/", "Pipe");
  until_completed_ms(session, job);
  const std::string group = "/aws/sagemaker/TrainingJobs";
  const std::string prefix = job.at("TrainingJobName").get<std::string>() + "/";
  double best_us = 1e12;
  for (const sm::json& stream :
       session.logs().log_streams({{"logGroupName", group}, {"logStreamNamePrefix", prefix}})) {
    for (const sm::json& event :
         session.logs().log_events({{"logGroupName", group}, {"logStreamName", stream.at("logStreamName")}}))
      best_us = std::min(best_us, std::stod(event.at("message").get<std::string>()));
  }
  return static_cast<double>(streamed_bytes) / best_us;
}

void measure_pipe(const sm::Session& session, const fs::path& folder) {
  const fs::path data = folder / "data";
  {
    std::ofstream file(data, std::ios::binary);
    const std::string block(1 << 20, 'x');
    for (std::size_t done = 0; done < streamed_bytes; done += block.size()) file << block;
  }
  session.s3().put_object({.bucket = "bench", .key = "stream/data", .file = data});
  print({"an epoch of a Pipe channel, 512 MiB",
         "MB/s",
         pipe_rate(session, folder),
         {"cat through a FIFO", fifo_rate(data, folder)},
         {0.5, Judged::ratio, Better::higher}});
}

void measure() {
  const sm::detail::TemporaryFolder folder;
  sm::LocalEmulatorOptions options;
  options.arguments = {"--durability", "process"};  // the uploads are no part of this
  const sm::LocalEmulator emulator(options);
  const sm::Session session = emulator.session();
  session.s3().create_bucket("bench");
  measure_start(session, folder.path());
  measure_pipe(session, folder.path());
}

}  // namespace

int main() { return run("bench_training_inputs", measure); }
