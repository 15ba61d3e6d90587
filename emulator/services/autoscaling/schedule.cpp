#include "emulator/services/autoscaling/schedule.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <string_view>
#include <vector>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::autoscaling {
namespace {

constexpr std::int64_t minute_s = 60, hour_s = 3'600, day_s = 86'400;
constexpr int years_ahead = 10;

[[noreturn]] void refuse(const std::string& text) {
  throw validation_fault("Schedule expression " + text + " is invalid.");
}

// Which numbers a field of cron() may have, and names for them.
struct Field {
  int min, max;
  std::string_view names;  // three letters each, beginning with `min`
};
constexpr std::array<Field, 6> all_fields{{{0, 59, ""},
                                           {0, 23, ""},
                                           {1, 31, ""},
                                           {1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
                                           {1, 7, "SUNMONTUEWEDTHUFRISAT"},
                                           {1970, 2199, ""}}};

int number_of(const std::string& word, const Field& field, const std::string& text) {
  if (word.size() == 3 && !field.names.empty())
    if (const std::size_t at = field.names.find(word); at != std::string_view::npos && at % 3 == 0)
      return field.min + static_cast<int>(at / 3);
  if (word.empty() || word.size() > 4 || word.find_first_not_of("0123456789") != std::string::npos)
    refuse(text);
  const int number = std::stoi(word);
  if (number < field.min || number > field.max) refuse(text);
  return number;
}

// "*", "?", "5", "1-5", "0/15", "MON,WED"
std::set<int> numbers_of(const std::string& given, const Field& field, const std::string& text) {
  std::set<int> numbers;
  std::stringstream parts(given);
  for (std::string part; std::getline(parts, part, ',');) {
    int step = 1;
    const std::size_t slash = part.find('/');
    if (slash != std::string::npos) {
      step = number_of(part.substr(slash + 1), {1, 9999, ""}, text);
      part.resize(slash);
    }
    int first = field.min, last = field.max;
    if (part != "*" && part != "?") {
      const std::size_t dash = part.find('-');
      first = number_of(part.substr(0, dash), field, text);
      if (dash != std::string::npos) last = number_of(part.substr(dash + 1), field, text);
      if (dash == std::string::npos && slash == std::string::npos) last = first;
    }
    for (int number = first; number <= last; number += step) numbers.insert(number);
  }
  if (numbers.empty()) refuse(text);
  return numbers;
}

}  // namespace

Schedule::Schedule(const std::string& text) {
  const std::size_t open = text.find('(');
  if (open == std::string::npos || !text.ends_with(')')) refuse(text);
  const std::string kind = text.substr(0, open), inside = text.substr(open + 1, text.size() - open - 2);
  std::stringstream words(inside);
  if (kind == "at") {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, end = 0;
    std::sscanf(inside.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
                &end);
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    const bool sound = end > 0 && static_cast<std::size_t>(end) == inside.size() && date.ok() && hour < 24 &&
                       minute < 60 && second < 60;
    if (!sound) refuse(text);
    time_s_ = std::chrono::sys_days(date).time_since_epoch().count() * day_s + hour * hour_s +
              minute * minute_s + second;
  } else if (kind == "rate") {
    kind_ = Kind::rate;
    std::int64_t value = 0;
    std::string unit, more;
    if (!(words >> value >> unit) || words >> more || value < 1) refuse(text);
    if (unit.ends_with('s')) unit.pop_back();
    if (unit != "minute" && unit != "hour" && unit != "day") refuse(text);
    time_s_ = value * (unit == "minute" ? minute_s : unit == "hour" ? hour_s : day_s);
  } else if (kind == "cron") {
    kind_ = Kind::cron;
    std::vector<std::string> given;
    for (std::string word; words >> word;) given.push_back(word);
    if (given.size() != fields_.size()) refuse(text);
    if ((given[2] == "?") == (given[4] == "?")) refuse(text);  // one of the two days decides
    for (std::size_t i = 0; i < fields_.size(); ++i) fields_[i] = numbers_of(given[i], all_fields[i], text);
  } else {
    refuse(text);
  }
}

std::optional<std::int64_t> Schedule::next(std::int64_t after_s, std::int64_t start_s) const {
  switch (kind_) {
    case Kind::at:
      return time_s_ > after_s ? std::optional(time_s_) : std::nullopt;
    case Kind::rate:
      if (after_s < start_s) return start_s + time_s_;
      return start_s + ((after_s - start_s) / time_s_ + 1) * time_s_;
    case Kind::cron:
      break;
  }
  return next_cron(after_s);
}

std::optional<std::int64_t> Schedule::next_cron(std::int64_t after_s) const {
  const auto& [minutes, hours, days, months, weekdays, years] = fields_;
  for (std::int64_t day = after_s / day_s; day <= after_s / day_s + 366 * years_ahead; ++day) {
    const std::chrono::sys_days when{std::chrono::days(day)};
    const std::chrono::year_month_day date{when};
    const bool matches = years.count(int(date.year())) &&
                         months.count(static_cast<int>(static_cast<unsigned>(date.month()))) &&
                         days.count(static_cast<int>(static_cast<unsigned>(date.day()))) &&
                         weekdays.count(static_cast<int>(std::chrono::weekday(when).c_encoding()) + 1);
    if (!matches) continue;
    for (const int hour : hours)
      for (const int minute : minutes)
        if (const std::int64_t time_s = day * day_s + hour * hour_s + minute * minute_s; time_s > after_s)
          return time_s;
  }
  return std::nullopt;
}

}  // namespace sagemaker::local::services::autoscaling
