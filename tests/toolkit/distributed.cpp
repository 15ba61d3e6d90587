// Training on several hosts: each is a process with a loopback address of its own. What DataParallel learns
// is what one host learns; whoever ends, hangs or never comes is named, and nobody waits for ever.
#include <chrono>
#include <cmath>
#include <memory>
#include <sstream>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <sagemaker/aws/json.hpp>

#include "tests/support/support.hpp"
#include "tests/toolkit/process.hpp"

using namespace sagemaker::tests;
using sagemaker::json;

namespace {

// A socket that listens on a port of all addresses, as the master's does.
class Port {
 public:
  Port() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_, 1) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { release(); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  int number() const { return number_; }
  void release() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  int socket_, number_ = 0;
};

struct Job {
  TemporaryDirectory folder;
  json hyperparameters;
  std::vector<std::string> hosts;
  Port port;
  std::vector<std::unique_ptr<Process>> processes;

  Job(int count, json given) : hyperparameters(std::move(given)) {
    for (int host = 0; host < count; ++host) hosts.push_back("127.0.9." + std::to_string(host + 1));
  }
  std::filesystem::path base(int rank) const { return folder / ("host" + std::to_string(rank)); }
  void start(int rank) {
    const std::string& host = hosts[static_cast<std::size_t>(rank)];
    write_text(base(rank) / "input/config/resourceconfig.json",
               json{{"hosts", hosts}, {"current_host", host}, {"network_interface_name", "lo"}}.dump());
    json given = json::object();
    for (const auto& [name, value] : hyperparameters.items()) given[name] = value.dump();
    write_text(base(rank) / "input/config/hyperparameters.json", given.dump());
    processes.push_back(
        std::make_unique<Process>(std::vector<std::string>{HOST_PROGRAM, "train"},
                                  Process::Variables{{"SAGEMAKER_BASE_DIR", base(rank).string()},
                                                     {"OMP_NUM_THREADS", "1"},
                                                     {"SM_NUM_GPUS", "0"},
                                                     {"MASTER_PORT", std::to_string(port.number())}},
                                  base(rank) / "log"));
  }
  void start_all() {
    port.release();
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) start(static_cast<int>(rank));
  }
  // Exit codes by rank.
  std::vector<int> wait() {
    std::vector<int> codes;
    for (const auto& process : processes) codes.push_back(process->wait());
    return codes;
  }
  std::vector<int> run() {
    start_all();
    return wait();
  }
  std::string log(int rank) const { return read_text(base(rank) / "log"); }
  std::string failure(int rank) const { return read_text(base(rank) / "output/failure"); }

  // The numbers of a line "name=1,2,3".
  std::vector<double> numbers(int rank, const std::string& name) const {
    std::istringstream lines(log(rank));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(name + "=")) continue;
      std::vector<double> out;
      std::istringstream fields(line.substr(name.size() + 1));
      for (std::string field; std::getline(fields, field, ',');)
        out.push_back(std::strtod(field.c_str(), nullptr));
      return out;
    }
    FAIL("no line " << name << " in\n" << log(rank));
    return {};
  }
  bool says(int rank, const std::string& text) const { return log(rank).find(text) != std::string::npos; }
};

using Numbers = std::vector<double>;

double difference(const Numbers& one, const Numbers& other) {
  REQUIRE(one.size() == other.size());
  double most = 0;
  for (std::size_t at = 0; at < one.size(); ++at) most = std::max(most, std::abs(one[at] - other[at]));
  return most;
}

// Of all parameters between a host and another job's host.
void check_same_parameters(const Job& one, int rank, const Job& other, double tolerance) {
  for (const char* name : {"first.weight", "first.bias", "second.weight", "second.bias"})
    CHECK(difference(one.numbers(rank, name), other.numbers(0, name)) <= tolerance);
}

}  // namespace

TEST_CASE("one host needs no network") {
  Job job(1, {{"mode", "collectives"}});
  job.hosts = {"algo-1"};  // a name that nobody can resolve; and the master's port is taken
  job.start(0);
  CHECK(job.wait() == std::vector<int>{0});
  CHECK(job.says(0, "rank 0 of 1, master\n"));
  CHECK_FALSE(job.says(0, "distributed:"));
  CHECK(job.numbers(0, "mean") == Numbers{1, 10});
  CHECK(job.numbers(0, "gathered") == Numbers{1, 10});
  CHECK(job.says(0, "gathered empty 1 x 0\n"));
  CHECK(job.says(0, "any=0,0\ngroup=0\n"));
}

TEST_CASE("collectives") {
  Job job(3, {{"mode", "collectives"}});
  CHECK(job.run() == std::vector<int>{0, 0, 0});
  for (int rank = 0; rank < 3; ++rank) {
    CAPTURE(rank);
    CHECK(job.says(rank, "rank " + std::to_string(rank) + " of 3"));
    CHECK(job.says(rank, "distributed: rank " + std::to_string(rank) + " of 3 is 127.0.9." +
                             std::to_string(rank + 1) +
                             ", master 127.0.9.1:" + std::to_string(job.port.number()) + ", gloo\n"));
    CHECK(job.numbers(rank, "sum") == Numbers{6, 30});
    CHECK(job.numbers(rank, "mean") == Numbers{2, 10});
    CHECK(job.numbers(rank, "min") == Numbers{1, 10});
    CHECK(job.numbers(rank, "max") == Numbers{3, 10});
    CHECK(job.numbers(rank, "transposed") == Numbers{0, 6, 12, 18, 24, 30});
    CHECK(job.numbers(rank, "broadcast") == Numbers{3, 10});
    CHECK(job.says(rank, "gathered 3 x 2\n"));
    CHECK(job.numbers(rank, "gathered") == Numbers{1, 10, 2, 10, 3, 10});
    CHECK(job.says(rank, "gathered empty 3 x 0\n"));
    CHECK(job.says(rank, "any=1,0\ngroup=1\n"));
    CHECK(job.says(rank, "integers have no mean"));
  }
}

TEST_CASE("two and four hosts learn what one learns, and the master saves it") {
  Job alone(1, {{"mode", "train"}});
  REQUIRE(alone.run() == std::vector<int>{0});
  CHECK(std::filesystem::exists(alone.base(0) / "model/model.pt"));
  for (const int count : {2, 4}) {
    Job job(count, {{"mode", "train"}});
    REQUIRE(job.run() == std::vector<int>(static_cast<std::size_t>(count), 0));
    for (int rank = 0; rank < count; ++rank) {
      check_same_parameters(job, rank, alone, 2e-6);
      check_same_parameters(job, rank, job, 0);  // hosts agree to the last bit
      CHECK(std::filesystem::exists(job.base(rank) / "model/model.pt") == (rank == 0));
      CHECK(std::filesystem::exists(job.base(rank) / "output/success"));
      CHECK(job.says(rank, "distributed: 127.0.9.1 saves the model\n") == (rank != 0));
    }
  }
}

TEST_CASE("the size of the buckets changes nothing, and gradients can be added up before they are averaged") {
  Job alone(1, {{"mode", "train"}});
  REQUIRE(alone.run() == std::vector<int>{0});
  for (const auto& [bucket, parts] : {std::pair{1, 1}, {1 << 20, 1}, {64, 2}, {64, 3}}) {
    CAPTURE(bucket);
    CAPTURE(parts);
    Job job(2, {{"mode", "train"}, {"bucket", bucket}, {"parts", parts}});
    REQUIRE(job.run() == std::vector<int>{0, 0});
    check_same_parameters(job, 0, alone, 2e-6);
    check_same_parameters(job, 1, job, 0);
  }
}

TEST_CASE("parameters that not all hosts reach") {
  Job job(2, {{"mode", "unused"}});
  REQUIRE(job.run() == std::vector<int>{0, 0});
  for (int rank = 0; rank < 2; ++rank) {
    CAPTURE(rank);
    CHECK(job.numbers(rank, "left") == Numbers{1, 1});   // 2 on one host of two
    CHECK(job.numbers(rank, "right") == Numbers{2, 2});  // 4 on the other
    CHECK(job.numbers(rank, "both") == Numbers{3, 3});
    CHECK(job.says(rank, "\nidle=none\n"));
    CHECK(job.numbers(rank, "later.left") == Numbers{1, 1});
    CHECK(job.numbers(rank, "later.both") == Numbers{4.5, 4.5});  // 3 on both, and 3 more on one
    CHECK(job.numbers(rank, "twice.left") == Numbers{2, 2});
  }
}

TEST_CASE("buffers of host 0 are everybody's, and evaluation talks to nobody") {
  Job job(2, {{"mode", "buffers"}});
  REQUIRE(job.run() == std::vector<int>{0, 0});
  CHECK(job.numbers(0, "running_mean") == job.numbers(1, "running_mean"));
}

TEST_CASE("different models are refused") {
  Job job(2, {{"mode", "differ"}});
  CHECK(job.run() == std::vector<int>{1, 1});
  for (int rank = 0; rank < 2; ++rank)
    CHECK(job.failure(rank).find("the hosts have different models: 127.0.9.1 has 2 tensors with 10 numbers, "
                                 "127.0.9.2 has 2 tensors with 15 numbers") != std::string::npos);
}

TEST_CASE("a host that ends is named by the others at once") {
  for (const int count : {2, 3}) {
    Job job(count, {{"mode", "leave"}});
    const auto start = std::chrono::steady_clock::now();
    std::vector<int> codes = job.run();
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));  // the time limit is a minute
    CHECK(codes.back() == 3);
    CHECK(codes.front() == 1);
    CHECK(job.failure(0).find("127.0.9.1 (rank 0 of " + std::to_string(count) + ") has lost 127.0.9." +
                              std::to_string(count) + " in the average of gradients: ") != std::string::npos);
  }
}

TEST_CASE("a host that is killed is named by the others, whatever they wait for") {
  for (const char* mode : {"leave", "loop"}) {
    CAPTURE(mode);
    Job job(2, {{"mode", mode}, {"how", "never"}});
    job.start_all();
    REQUIRE(job.processes[0]->wait_for("steps"));
    job.processes[1]->signal(SIGKILL);
    CHECK(job.processes[0]->wait() == 1);
    CHECK(job.failure(0).find("127.0.9.1 (rank 0 of 2) has lost 127.0.9.2 in ") != std::string::npos);
  }
}

TEST_CASE("an exception on one host is that host's failure") {
  Job job(2, {{"mode", "leave"}, {"how", "throw"}});
  CHECK(job.run() == std::vector<int>{1, 1});
  CHECK(job.failure(1).find("the data is sour") != std::string::npos);
  CHECK(job.failure(0).find("has lost 127.0.9.2") != std::string::npos);
}

TEST_CASE("a host that hangs is given up after the time limit") {
  Job job(2, {{"mode", "hang"}, {"timeout-ms", 1000}});
  job.start_all();
  REQUIRE(job.processes[1]->wait_for("silent"));
  CHECK(job.processes[0]->wait() == 1);
  CHECK(job.failure(0).find("127.0.9.1 (rank 0 of 2) failed in barrier: ") != std::string::npos);
  CHECK(job.failure(0).find("1000ms") != std::string::npos);
}

TEST_CASE("hosts that never join are named") {
  Job job(3, {{"mode", "collectives"}, {"join-ms", 300}});
  job.port.release();
  job.start(0);
  CHECK(job.wait() == std::vector<int>{1});
  CHECK(job.failure(0).find("not all 3 hosts joined within 300 ms; missing: 127.0.9.2, 127.0.9.3") !=
        std::string::npos);
}

TEST_CASE("a master that never comes, and one whose port is taken, are said") {
  Job job(2, {{"mode", "collectives"}, {"join-ms", 300}});
  job.start(0);  // the test still has the port
  CHECK(job.processes[0]->wait() == 1);
  const std::string where = "127.0.9.1:" + std::to_string(job.port.number());
  CHECK(job.failure(0).find("127.0.9.1 cannot listen on " + where) != std::string::npos);
  job.port.release();
  job.start(1);
  CHECK(job.processes[1]->wait() == 1);
  CHECK(job.failure(1).find("127.0.9.2 cannot reach the master at " + where) != std::string::npos);
}

TEST_CASE("a stop that one host is told ends the loop of all after the same step") {
  Job job(2, {{"mode", "loop"}});
  job.start_all();
  REQUIRE(job.processes[1]->wait_for("steps"));
  job.processes[1]->signal(SIGTERM);
  CHECK(job.wait() == std::vector<int>{0, 0});
  for (int rank = 0; rank < 2; ++rank) CHECK(job.says(rank, "same number of steps: 1\n"));
}
