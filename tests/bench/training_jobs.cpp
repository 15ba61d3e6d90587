// Many training jobs: a hundred one after the other, and as many eight at a time, of a program that does
// nothing. What a job costs the emulator, and what is left of it: memory, processes, folders. Floor: the same
// program started by hand in bubblewrap.
#include <atomic>
#include <fstream>
#include <thread>

#include <sagemaker/local.hpp>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;

constexpr int jobs = 100;
constexpr int at_once = 8;

// The program: a shell that writes one file.
std::string make_program(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "train";
  std::ofstream(file) << "#!/bin/sh\necho trained > ${SAGEMAKER_BASE_DIR:-/opt/ml}/model/model\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  return "file://" + file.string();
}

void train(const sm::Session& session, const std::string& image, const std::string& name) {
  session.sagemaker().create_training_job(training_job(name, image, "s3://bench/output"));
  sm::WaitOptions options;
  options.poll_interval = std::chrono::milliseconds(5);
  session.sagemaker().wait_for_training_job(name, options);
}

double by_hand_ms(const std::filesystem::path& folder) {
  const std::string ml = (folder / "ml").string();
  std::filesystem::create_directories(folder / "ml/model");
  const std::string command = "bwrap --ro-bind / / --tmpfs /opt --bind " + ml +
                              " /opt/ml --proc /proc --unshare-pid --unshare-uts --die-with-parent " +
                              (folder / "train").string() + " train";
  const auto start = Steady::now();
  for (int i = 0; i < 20; ++i)
    if (std::system(command.c_str()) != 0) return 0;
  return ms_since(start) / 20;
}

// Processes whose parent is `pid`, however deep.
int processes_below(pid_t pid) {
  int count = 0;
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  for (pid_t child = 0; children >> child;) count += 1 + processes_below(child);
  return count;
}

void measure() {
  const sm::detail::TemporaryFolder folder;
  const std::string image = make_program(folder.path());
  sm::LocalEmulator emulator;
  const sm::Session session = emulator.session();
  session.s3().create_bucket("bench");
  train(session, image, "first");
  const double memory_before = memory_mb(emulator.pid(), "VmRSS");
  const Floor floor{"the program in bubblewrap by hand", by_hand_ms(folder.path())};

  auto start = Steady::now();
  for (int i = 0; i < jobs; ++i) train(session, image, unique_name("row"));
  print({"one of 100 training jobs in a row, until Completed", "ms", ms_since(start) / jobs, floor});

  std::atomic<int> next{0};
  std::vector<std::thread> clients;
  start = Steady::now();
  for (int client = 0; client < at_once; ++client) {
    clients.emplace_back([&] {
      for (int i = next++; i < jobs; i = next++) train(session, image, "parallel-" + std::to_string(i));
    });
  }
  for (std::thread& client : clients) client.join();
  print({"one of 100 training jobs, 8 at a time", "ms", ms_since(start) / jobs, floor});
  print(
      {"memory that 200 training jobs have left", "MB", memory_mb(emulator.pid(), "VmRSS") - memory_before});
  print({"processes that they have left", "", static_cast<double>(processes_below(emulator.pid()))});
}

}  // namespace

int main() { return run("bench_training_jobs", measure); }
