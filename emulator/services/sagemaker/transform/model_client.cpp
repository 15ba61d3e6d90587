#include "emulator/services/sagemaker/transform/model_client.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "emulator/runner/host_tree.hpp"

namespace sagemaker::local::services::transform {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = runner::InvocationResult::Kind;
using std::chrono::milliseconds;

constexpr milliseconds look_interval{20};  // at an instance that is away, and at the stop signal
constexpr milliseconds retry_pause_first{100}, retry_pause_max{2'000};
constexpr milliseconds parameters_timeout{10'000};
constexpr std::size_t message_chars_max = 4096;  // of a bad answer's body in the data log
constexpr const char* no_answer = "Unable to get response from algorithm";

// As AWS's data log has it: the status, an empty line, and the body under "Message:".
std::string text_of(const char* kind, const runner::InvocationResult& answer) {
  std::string text = std::string(kind) + ": " + std::to_string(answer.status);
  const std::string message = runner::clean_text(answer.body, message_chars_max);
  if (!message.empty()) text += "\n\nMessage:\n" + message;
  return text;
}

}  // namespace

// What one way through the containers has done that cannot be undone.
struct ModelClient::Attempt {
  bool handed_over = false;  // pieces of an answer
};

ModelClient::ModelClient(hosting::Instance& instance, const Settings& settings,
                         const runner::StopSignal& stop)
    : instance_(instance), settings_(settings), stop_(stop) {}

ExecutionParameters ModelClient::ask_parameters() {
  const runner::Invocation question{.method = "GET", .target = "/execution-parameters"};
  const auto answer = instance_.container(0).invoke(question, parameters_timeout);
  if (answer.kind != Kind::answered || answer.status != 200) return {};
  return container_parameters(answer.body);
}

void ModelClient::pause(milliseconds time) const {
  const Clock::time_point end = Clock::now() + time;
  while (!stop_.requested() && Clock::now() < end) std::this_thread::sleep_for(std::min(time, look_interval));
  if (stop_.requested()) throw TransformStopped();
}

void ModelClient::wait_ready() {
  const Clock::time_point deadline = Clock::now() + settings_.restart_timeout;
  while (!instance_.ready()) {
    const auto state = instance_.state();
    if (stop_.requested()) throw TransformStopped();
    if (state == hosting::Instance::State::failed || Clock::now() >= deadline) lost_ = true;
    if (lost_) throw AlgorithmFailure(no_answer);
    pause(look_interval);
  }
}

std::string ModelClient::send(const RequestBody& body,
                              const std::function<bool(std::string_view)>& on_piece) {
  milliseconds wait = retry_pause_first;
  const Clock::time_point refused_until = Clock::now() + settings_.restart_timeout;
  for (int retries = 0;;) {
    wait_ready();
    Attempt attempt;
    runner::InvocationResult answer = through_all(body, attempt, on_piece);
    if (stop_.requested()) throw TransformStopped();
    const bool answered = answer.kind == Kind::answered;
    if (answered && answer.status >= 200 && answer.status < 300) return std::move(answer.body);
    if (answered && answer.status >= 400 && answer.status < 500)
      throw TransformFailure(text_of("ClientError", answer));
    // It ended between the look at it and the request, which it never got: that is no try.
    const bool untouched = answer.kind == Kind::refused && Clock::now() < refused_until;
    const bool once_only = attempt.handed_over || (body.pull && answer.kind != Kind::refused);
    if (once_only || (!untouched && retries >= settings_.client.retries_max))
      throw AlgorithmFailure(answered ? text_of("AlgorithmError", answer) : no_answer);
    if (!untouched) ++retries;
    pause(untouched ? look_interval : wait);
    if (!untouched) wait = std::min(wait * 2, retry_pause_max);
  }
}

// The answer of one is the request of the next.
runner::InvocationResult ModelClient::through_all(const RequestBody& body, Attempt& attempt,
                                                  const std::function<bool(std::string_view)>& on_piece) {
  runner::Invocation invocation;
  invocation.content_type = settings_.content_type;
  invocation.accept = settings_.accept;
  invocation.body = body.bytes;
  invocation.pull = body.pull;
  std::string between;
  for (std::size_t index = 0;; ++index) {
    const bool last = index + 1 == instance_.container_count();
    if (last && on_piece) {
      invocation.stream_timeout = settings_.client.timeout;
      invocation.on_piece = [&](std::string_view piece) {
        attempt.handed_over = true;
        return !stop_.requested() && on_piece(piece);
      };
    }
    runner::InvocationResult answer = instance_.container(index).invoke(invocation, settings_.client.timeout);
    // A later container that is away has not refused the request: the first one has worked on it.
    if (index > 0 && answer.kind == Kind::refused) answer.kind = Kind::unreachable;
    if (last || answer.kind != Kind::answered || answer.status < 200 || answer.status >= 300) return answer;
    between = std::move(answer.body);
    invocation.body = between;
    invocation.pull = nullptr;
    invocation.content_type = answer.headers.get("Content-Type");
  }
}

}  // namespace sagemaker::local::services::transform
