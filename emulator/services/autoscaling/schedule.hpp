// When a scheduled action takes place: at(2026-11-21T20:00:00), rate(5 minutes), cron(0 8 ? * MON-FRI *); in
// UTC.
// https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace sagemaker::local::services::autoscaling {

class Schedule {
 public:
  // Throws ServiceFault ValidationException for text that is none.
  explicit Schedule(const std::string& text);
  // The first time behind `after_s`, in seconds since 1970; `start_s`: from which a rate counts. nullopt:
  // there is none any more.
  std::optional<std::int64_t> next(std::int64_t after_s, std::int64_t start_s) const;

 private:
  enum class Kind { at, rate, cron } kind_ = Kind::at;
  std::int64_t time_s_ = 0;  // of at(); the interval of rate()
  std::array<std::set<int>, 6>
      fields_;  // of cron(): minutes, hours, days, months, weekdays (Sunday 1), years
  std::optional<std::int64_t> next_cron(std::int64_t after_s) const;
};

}  // namespace sagemaker::local::services::autoscaling
