// Points in time in the formats that AWS uses, always in UTC, and the clock that clients and services are
// given.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace sagemaker::aws {

using TimePoint = std::chrono::system_clock::time_point;

// Where time comes from and how it passes. Tests pass one that they move themselves.
struct Clock {
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual void sleep_for(std::chrono::milliseconds duration) = 0;
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // never goes back: for deadlines
};

// The machine's clock; one object for the whole process.
inline std::shared_ptr<Clock> system_clock() {
  struct SystemClock final : Clock {
    TimePoint now() const override { return std::chrono::system_clock::now(); }
    void sleep_for(std::chrono::milliseconds duration) override { std::this_thread::sleep_for(duration); }
    std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now(); }
  };
  static const std::shared_ptr<Clock> clock = std::make_shared<SystemClock>();
  return clock;
}

inline std::int64_t to_epoch_ms(TimePoint time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
// A clock of nanoseconds reaches from 1677 to 2262; what lies outside becomes its first or last day, so that
// a date which somebody made up is far away and stays so in calculations.
inline TimePoint from_epoch_ms(std::int64_t milliseconds) {
  using Milliseconds = std::chrono::duration<std::int64_t, std::milli>;
  constexpr std::int64_t day = 86'400'000;
  constexpr std::int64_t last =
      std::chrono::duration_cast<Milliseconds>(TimePoint::duration::max()).count() - day;
  const Milliseconds bounded(std::clamp(milliseconds, -last, last));
  return TimePoint(std::chrono::duration_cast<TimePoint::duration>(bounded));
}
inline double to_epoch_seconds(TimePoint time) { return static_cast<double>(to_epoch_ms(time)) / 1000.0; }
inline TimePoint from_epoch_seconds(double seconds) {
  if (std::isnan(seconds)) return {};
  const double bounded = std::clamp(seconds, -1e12, 1e12);  // what the cast can hold
  return from_epoch_ms(static_cast<std::int64_t>(bounded * 1000.0 + (bounded < 0 ? -0.5 : 0.5)));
}

namespace detail {

struct CivilTime {
  int year = 1970;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0, weekday = 0;
};

inline CivilTime civil_time(TimePoint time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const auto ms = static_cast<unsigned>(std::chrono::floor<std::chrono::milliseconds>(time - days).count());
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          ms / 3'600'000,
          ms / 60'000 % 60,
          ms / 1000 % 60,
          ms % 1000,
          std::chrono::weekday{days}.c_encoding()};
}

inline std::optional<TimePoint> from_civil(const CivilTime& civil) {
  const std::chrono::year_month_day date{std::chrono::year{civil.year}, std::chrono::month{civil.month},
                                         std::chrono::day{civil.day}};
  if (!date.ok() || civil.hour > 23 || civil.minute > 59 || civil.second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = ((days * 24 + civil.hour) * 60 + civil.minute) * 60 + civil.second;
  return from_epoch_ms(seconds * 1000 + civil.millisecond);
}

// Reads fixed-width numbers and literal characters from the front of a text.
struct TimeReader {
  std::string_view text;
  bool ok = true;

  unsigned number(std::size_t width) {
    unsigned value = 0;
    if (text.size() < width) ok = false;
    for (std::size_t i = 0; ok && i < width; ++i) {
      if (text[i] < '0' || text[i] > '9') ok = false;
      value = value * 10 + static_cast<unsigned>(text[i] - '0');
    }
    if (ok) text.remove_prefix(width);
    return ok ? value : 0;
  }
  void literal(std::string_view expected) {
    if (!ok || !text.starts_with(expected)) {
      ok = false;
    } else {
      text.remove_prefix(expected.size());
    }
  }
  bool accept(char c) {
    if (!ok || text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }
};

constexpr std::array<const char*, 7> weekday_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

template <typename... Parts>
std::string format_time(const char* pattern, Parts... parts) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), pattern, parts...);
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

}  // namespace detail

// 20130524T000000Z
inline std::string format_amz_date(TimePoint time) {
  const auto t = detail::civil_time(time);
  return detail::format_time("%04d%02u%02uT%02u%02u%02uZ", t.year, t.month, t.day, t.hour, t.minute,
                             t.second);
}

// 2013-05-24T00:00:00.000Z
inline std::string format_iso8601(TimePoint time) {
  const auto t = detail::civil_time(time);
  return detail::format_time("%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", t.year, t.month, t.day, t.hour, t.minute,
                             t.second, t.millisecond);
}

// Fri, 24 May 2013 00:00:00 GMT
inline std::string format_http_date(TimePoint time) {
  const auto t = detail::civil_time(time);
  return detail::format_time("%s, %02u %s %04d %02u:%02u:%02u GMT", detail::weekday_names[t.weekday], t.day,
                             detail::month_names[t.month - 1], t.year, t.hour, t.minute, t.second);
}

inline std::optional<TimePoint> parse_amz_date(std::string_view text) {
  detail::TimeReader reader{text};
  detail::CivilTime t;
  t.year = static_cast<int>(reader.number(4));
  t.month = reader.number(2);
  t.day = reader.number(2);
  reader.literal("T");
  t.hour = reader.number(2);
  t.minute = reader.number(2);
  t.second = reader.number(2);
  reader.literal("Z");
  if (!reader.ok || !reader.text.empty()) return std::nullopt;
  return detail::from_civil(t);
}

// A date and time with 'T' or a space between, optional seconds, fraction and zone (Z or +hh:mm; UTC where it
// is absent), or a date alone.
inline std::optional<TimePoint> parse_iso8601(std::string_view text) {
  detail::TimeReader reader{text};
  detail::CivilTime t;
  t.year = static_cast<int>(reader.number(4));
  reader.literal("-");
  t.month = reader.number(2);
  reader.literal("-");
  t.day = reader.number(2);
  std::chrono::minutes offset{0};
  if (reader.accept('T') || reader.accept('t') || reader.accept(' ')) {
    t.hour = reader.number(2);
    reader.literal(":");
    t.minute = reader.number(2);
    if (reader.accept(':')) t.second = reader.number(2);
    if (reader.accept('.')) {
      unsigned scale = 100;
      if (reader.text.empty() || reader.text.front() < '0' || reader.text.front() > '9') return std::nullopt;
      while (!reader.text.empty() && reader.text.front() >= '0' && reader.text.front() <= '9') {
        t.millisecond += static_cast<unsigned>(reader.text.front() - '0') * scale;
        scale /= 10;
        reader.text.remove_prefix(1);
      }
    }
    if (!reader.accept('Z') && !reader.accept('z') && !reader.text.empty()) {
      const bool east = reader.accept('+');
      if (!east) reader.literal("-");
      const unsigned hours = reader.number(2);
      reader.accept(':');
      const unsigned minutes = reader.number(2);
      if (hours > 23 || minutes > 59) return std::nullopt;
      offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
      if (!east) offset = -offset;
    }
  }
  if (!reader.ok || !reader.text.empty()) return std::nullopt;
  const auto local = detail::from_civil(t);
  if (!local) return std::nullopt;
  return *local - offset;
}

// The fixed form of RFC 9110 only. The day of the week is not compared with the date.
inline std::optional<TimePoint> parse_http_date(std::string_view text) {
  const std::size_t comma = text.find(", ");
  if (comma != 3) return std::nullopt;
  detail::TimeReader reader{text.substr(comma + 2)};
  detail::CivilTime t;
  t.day = reader.number(2);
  reader.literal(" ");
  t.month = 0;
  for (unsigned i = 0; i < detail::month_names.size(); ++i) {
    if (reader.text.starts_with(detail::month_names[i])) t.month = i + 1;
  }
  if (t.month == 0) return std::nullopt;
  reader.text.remove_prefix(3);
  reader.literal(" ");
  t.year = static_cast<int>(reader.number(4));
  reader.literal(" ");
  t.hour = reader.number(2);
  reader.literal(":");
  t.minute = reader.number(2);
  reader.literal(":");
  t.second = reader.number(2);
  reader.literal(" GMT");
  if (!reader.ok || !reader.text.empty()) return std::nullopt;
  return detail::from_civil(t);
}

}  // namespace sagemaker::aws
