#include "emulator/services/runtime/async_invocations.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::runtime {
namespace {

using std::chrono::milliseconds;

constexpr int concurrency_default = 4;  // MaxConcurrentInvocationsPerInstance, which AWS chooses by itself
constexpr int attempts_max = 3;         // of a request under which containers go away
constexpr milliseconds after_failure{1'000};
constexpr milliseconds without_room{50}, idle{60'000}, busy{1'000};
constexpr std::int64_t between_measures_ms = 1'000;
constexpr int page = 100;

int concurrency_of(const json& config) {
  return config.at("AsyncInferenceConfig")
      .value("ClientConfig", json::object())
      .value("MaxConcurrentInvocationsPerInstance", concurrency_default);
}

}  // namespace

AsyncInvocations::AsyncInvocations(Gateway& gateway, InvocationMetrics& metrics)
    : gateway_(gateway), metrics_(metrics), notifications_(gateway.platform()), thread_([this] { run(); }) {}

AsyncInvocations::~AsyncInvocations() {
  stop();
  thread_.join();
  tasks_.join();
}

void AsyncInvocations::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

bool AsyncInvocations::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

AsyncAccepted AsyncInvocations::accept(const AsyncRequest& request) {
  Platform& platform = gateway_.platform();
  const std::string& name = request.call.endpoint_name;
  const auto not_found = [&] {
    return ServiceFault("ValidationError", 400,
                        "Endpoint " + name + " of account " + platform.account + " not found.");
  };
  const auto endpoint = platform.records.find(endpoint_kind, name);
  if (!endpoint) throw not_found();
  const store::Record record =
      AsyncJob::accept(request, *endpoint, platform.account, aws::uuid4(), platform.now_ms());
  platform.records.insert(async_invocation_kind, record);
  const AsyncJob job(record);
  const std::lock_guard lock(mutex_);
  // Deleted meanwhile, it may have taken its queue with it already; later it takes this request with it.
  if (const auto still = platform.records.find(endpoint_kind, name); !still || !job.belongs_to(*still)) {
    platform.records.erase(async_invocation_kind, record.name);
    throw not_found();
  }
  lane_of(name).waiting.push_back({record.name, record.created_ms, job.expires_ms()});
  changed_.notify_all();
  return job.accepted();
}

void AsyncInvocations::recover() {
  Platform& platform = gateway_.platform();
  store::RecordQuery oldest_first;
  oldest_first.descending = false;
  oldest_first.limit = page;
  std::size_t found = 0;
  do {
    const store::RecordPage left = platform.records.list(async_invocation_kind, oldest_first);
    for (const store::Record& record : left.records) {
      const AsyncJob job(record);
      const auto endpoint = platform.records.find(endpoint_kind, job.endpoint());
      if (!endpoint || !job.belongs_to(*endpoint)) {
        platform.records.erase(async_invocation_kind, record.name);
        continue;
      }
      const std::lock_guard lock(mutex_);
      lane_of(job.endpoint()).waiting.push_back({record.name, job.received_ms(), job.expires_ms()});
      ++found;
    }
    oldest_first.next_token = left.next_token;
  } while (!oldest_first.next_token.empty());
  if (found > 0) spdlog::info("{} asynchronous requests wait for their endpoints", found);
  // Queues also of endpoints that nobody has asked yet: their size is a metric.
  for (const store::Record& endpoint :
       platform.records.with_status(endpoint_kind, {"InService", "Updating", "SystemUpdating"}))
    endpoint_changed(endpoint.name);
  changed_.notify_all();
}

void AsyncInvocations::endpoint_changed(const std::string& name) {
  Platform& platform = gateway_.platform();
  if (const auto endpoint = platform.records.find(endpoint_kind, name)) {
    if (!endpoint->document.contains("AsyncInferenceConfig")) return;
    const std::lock_guard lock(mutex_);
    lane_of(name);
    changed_.notify_all();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    lanes_.erase(name);
  }
  store::RecordQuery its;
  its.status_equals = name;
  its.limit = page;
  for (;;) {
    const store::RecordPage left = platform.records.list(async_invocation_kind, its);
    for (const store::Record& record : left.records)
      platform.records.erase(async_invocation_kind, record.name);
    if (left.next_token.empty()) break;
  }
  notifications_.forget(name);
}

AsyncInvocations::Lane& AsyncInvocations::lane_of(const std::string& endpoint) {
  const auto [lane, is_new] = lanes_.try_emplace(endpoint);
  if (is_new) lane->second.generation = ++generations_;
  return lane->second;
}

// How many more requests the instances take now: none while there are none.
int AsyncInvocations::room(const std::string& endpoint, const Lane& lane, int& instances) const {
  instances = 0;
  const auto live = gateway_.fleet().find(endpoint);
  const auto deployment = live ? live->current() : nullptr;
  if (!deployment || !deployment->config().contains("AsyncInferenceConfig")) return 0;
  // Held by name: a loop over *instances() would outlive the snapshot that instances() answers.
  const auto production = deployment->production().front()->instances();
  int ready = 0;
  for (const auto& instance : *production) {
    ++instances;
    if (instance->ready()) ++ready;
  }
  if (lane.paused_until > std::chrono::steady_clock::now()) return 0;
  return std::max(0, ready * concurrency_of(deployment->config()) - lane.running);
}

milliseconds AsyncInvocations::look(std::int64_t now_ms) {
  milliseconds wait = idle;
  for (auto& [endpoint, lane] : lanes_) {
    int instances = 0;
    int free = room(endpoint, lane, instances);
    begin_expiry(endpoint, lane, now_ms);
    for (; free > 0 && !lane.waiting.empty(); --free) {
      const Ticket next = std::move(lane.waiting.front());
      lane.waiting.pop_front();
      begin(endpoint, lane, next);
    }
    measure(endpoint, lane, instances, now_ms);
    if (!lane.waiting.empty()) wait = std::min(wait, lane.running > 0 ? busy : without_room);
    if (lane.running > 0) wait = std::min(wait, busy);
  }
  return wait;
}

void AsyncInvocations::measure(const std::string& endpoint, Lane& lane, int instances, std::int64_t now_ms) {
  const auto size = static_cast<double>(lane.waiting.size() + lane.expiring) + lane.running;
  const bool empty = size == 0;
  const std::int64_t pause = empty && lane.measured_empty ? idle.count() : between_measures_ms;
  if (now_ms - lane.measured_ms < pause) return;
  lane.measured_ms = now_ms;
  lane.measured_empty = empty;
  metrics_.put(endpoint, "", "ApproximateBacklogSize", "Count", size);
  if (instances > 0)
    metrics_.put(endpoint, "", "ApproximateBacklogSizePerInstance", "Count", size / instances);
  metrics_.put(endpoint, "", "HasBacklogWithoutCapacity", "Count", !empty && instances == 0 ? 1 : 0);
  const std::int64_t oldest = lane.waiting.empty() ? now_ms : lane.waiting.front().received_ms;
  metrics_.put(endpoint, "", "ApproximateAgeOfOldestRequest", "Seconds",
               static_cast<double>(now_ms - oldest) / 1000.0);
}

void AsyncInvocations::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    milliseconds wait = busy;
    try {
      wait = look(gateway_.platform().now_ms());
    } catch (const std::exception& error) {  // no thread can be started, for example: that passes
      spdlog::warn("asynchronous requests have to wait: {}", error.what());
    }
    changed_.wait_for(lock, wait);
  }
}

void AsyncInvocations::begin(const std::string& endpoint, Lane& lane, const Ticket& ticket) {
  try {
    tasks_.run(
        [this, endpoint, generation = lane.generation, ticket] { carry(endpoint, generation, ticket); });
  } catch (...) {
    lane.waiting.push_front(ticket);
    throw;
  }
  ++lane.running;
}

// All whose time is over, by one thread: there may be thousands.
void AsyncInvocations::begin_expiry(const std::string& endpoint, Lane& lane, std::int64_t now_ms) {
  if (lane.expiring > 0 || lane.paused_until > std::chrono::steady_clock::now()) return;
  const auto first =
      std::stable_partition(lane.waiting.begin(), lane.waiting.end(),
                            [now_ms](const Ticket& ticket) { return ticket.expires_ms > now_ms; });
  if (first == lane.waiting.end()) return;
  const std::deque<Ticket> over(first, lane.waiting.end());
  tasks_.run([this, endpoint, generation = lane.generation, over] {
    std::deque<Ticket> left = expire(over);
    const std::lock_guard lock(mutex_);
    const auto found = lanes_.find(endpoint);
    if (found == lanes_.end() || found->second.generation != generation) return;
    found->second.expiring = 0;
    if (!left.empty()) found->second.paused_until = std::chrono::steady_clock::now() + after_failure;
    found->second.waiting.insert(found->second.waiting.begin(), left.begin(), left.end());
    changed_.notify_all();
  });
  lane.expiring = over.size();
  lane.waiting.erase(first, lane.waiting.end());
}

std::deque<AsyncInvocations::Ticket> AsyncInvocations::expire(std::deque<Ticket> tickets) {
  try {
    AsyncWork work(gateway_, metrics_, notifications_);
    for (; !tickets.empty() && !stopping(); tickets.pop_front())
      if (const auto record = gateway_.platform().records.find(async_invocation_kind, tickets.front().id))
        work.expire(*record);
  } catch (const std::exception& error) {
    spdlog::warn("asynchronous requests whose time is over have to wait: {}", error.what());
  }
  return tickets;
}

void AsyncInvocations::carry(const std::string& endpoint, std::uint64_t generation, Ticket ticket) {
  using End = AsyncWork::End;
  End end = End::not_begun;
  bool broken = false;
  try {
    AsyncWork work(gateway_, metrics_, notifications_);
    const auto record = gateway_.platform().records.find(async_invocation_kind, ticket.id);
    ++ticket.attempts;
    end = record ? work.run(*record, [&] { return ticket.attempts >= attempts_max && !stopping(); })
                 : End::done;
  } catch (const std::exception& error) {  // a full disk, for example
    spdlog::warn("an asynchronous request of endpoint {} has to wait: {}", endpoint, error.what());
    broken = true;
  }
  const std::lock_guard lock(mutex_);
  const auto lane = lanes_.find(endpoint);
  if (lane == lanes_.end() || lane->second.generation != generation) return;  // deleted meanwhile
  --lane->second.running;
  if (broken) lane->second.paused_until = std::chrono::steady_clock::now() + after_failure;
  if (end == End::not_begun) --ticket.attempts;
  if (end != End::done) lane->second.waiting.push_front(std::move(ticket));
  changed_.notify_all();
}

void AsyncInvocations::add_local_operations(LocalOperations& table) {
  table["GET /_local/endpoints/*/notifications"] = [this](const auto& names, const json&) {
    if (!gateway_.platform().records.find(endpoint_kind, names.at(0)))
      throw ServiceFault("NotFound", 404, "There is no endpoint " + names.at(0) + ".");
    return notifications_.list(names.at(0));
  };
}

}  // namespace sagemaker::local::services::runtime
