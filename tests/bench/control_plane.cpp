// Control-plane requests per second over 16 kept connections: signed DescribeTrainingJob with the library's own client.
// Floor: a bare cpp-httplib server and bare clients in this process, exchanging as many bytes, unsigned.
#include <httplib.h>

#include <atomic>
#include <functional>
#include <thread>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
using sagemaker::json;

constexpr int connections = 16;

// Requests per second that `connections` threads complete; each thread has a function of its own to send one.
double rate(const std::function<std::function<void()>()>& make_sender) {
  std::atomic<bool> counting{false}, stopping{false};
  std::atomic<long> count{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (int index = 0; index < connections; ++index) {
    threads.emplace_back([&] {
      try {
        const auto send = make_sender();
        while (!stopping) {
          send();
          if (counting) ++count;
        }
      } catch (const std::exception& error) {
        if (!failed.exchange(true)) std::fprintf(stderr, "bench_control_plane: %s\n", error.what());
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto start = Steady::now();
  counting = true;
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const double requests = static_cast<double>(count);
  const double seconds = ms_since(start) / 1000;
  stopping = true;
  for (std::thread& thread : threads) thread.join();
  if (failed) throw std::runtime_error("a request failed");
  return requests / seconds;
}

double floor_rate(const std::string& answer) {
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(connections); };
  server.set_keep_alive_max_count(1'000'000);
  server.set_tcp_nodelay(true);
  server.Post("/", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(answer, "application/x-amz-json-1.1");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread listener([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  double result = 0;
  std::exception_ptr failure;
  try {
    result = rate([port] {
      auto client = std::make_shared<httplib::Client>("127.0.0.1", port);
      client->set_keep_alive(true);
      client->set_tcp_nodelay(true);
      return [client] {
        const auto response = client->Post("/", R"({"TrainingJobName":"described"})", "application/x-amz-json-1.1");
        if (!response || response->status != 200) throw std::runtime_error("the bare server did not answer");
      };
    });
  } catch (...) {
    failure = std::current_exception();
  }
  server.stop();
  listener.join();
  if (failure) std::rethrow_exception(failure);
  return result;
}

void measure() {
  const sagemaker::LocalEmulator emulator;
  const sagemaker::Session session = emulator.session();
  const std::string output = "s3://" + session.default_bucket() + "/out";
  session.sagemaker().create_training_job(training_job("described", "file:///bin/true", output));
  const json description = session.sagemaker().wait_for_training_job("described");

  const double floor = floor_rate(description.dump());
  const double measured = rate([&session] {
    return [client = session.sagemaker()] { client.describe_training_job({{"TrainingJobName", "described"}}); };
  });
  print({"DescribeTrainingJob, signed, 16 connections", "req/s", measured, {"bare cpp-httplib, unsigned", floor},
         {10'000, Judged::value, Better::higher}});
}
}  // namespace

int main() { return run("bench_control_plane", measure); }
