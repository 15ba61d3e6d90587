// Application Auto Scaling: targets, policies, scheduled actions and activities as records, and the scaler
// that carries the policies out.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/autoscaling/dimensions.hpp"
#include "emulator/services/metrics/alarms.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services::autoscaling {

inline constexpr std::string_view target_kind = "scalable-target", policy_kind = "scaling-policy",
                                  scheduled_kind = "scheduled-action", activity_kind = "scaling-activity";

// What everything here works on. All of it must outlive its users.
struct World {
  store::Records& records;
  Alarms& alarms;
  std::shared_ptr<aws::Clock> clock;
  std::string account, region;
  Dimensions dimensions;

  std::int64_t now_ms() const { return aws::to_epoch_ms(clock->now()); }
  // Seconds of AWS in this emulator, whose minute may be shorter: in milliseconds.
  std::int64_t scaled_ms(std::int64_t seconds) const { return seconds * 1000 * alarms.minute_s() / 60; }
};

// Resource and dimension of a document: they name its target. The name of the target's record.
std::string target_name(const json& document);
// Every record of a kind that belongs to this target.
std::vector<store::Record> of_target(const World& world, std::string_view kind, const std::string& target);

class Scaler {
 public:
  explicit Scaler(World world);
  ~Scaler();  // stops
  Scaler(const Scaler&) = delete;
  Scaler& operator=(const Scaler&) = delete;

  // Evaluates again and again, on a thread of its own, until stop().
  void start();
  void stop();
  // Looks at all alarms, schedules and policies once, and begins what they ask for.
  void evaluate();
  // Begins to bring the target's capacity to `wanted`, and records the activity. `cause`: in AWS's words.
  void scale(const json& target, int wanted, const std::string& cause);
  // Into its limits where it is outside of them.
  void respect_limits(const json& target, const std::string& why = {});

  World& world() { return world_; }

 private:
  void evaluate_target(const store::Record& target);
  void run_scheduled(const store::Record& target);
  void follow_activities(const store::Record& target, const std::optional<Capacity>& capacity);

  World world_;
  std::mutex evaluating_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::thread thread_;
};

// The operations of the API. `scaler` must outlive the table.
OperationTable autoscaling_operations(Scaler& scaler);

}  // namespace sagemaker::local::services::autoscaling
