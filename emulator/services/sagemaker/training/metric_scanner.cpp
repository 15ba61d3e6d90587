#include "emulator/services/sagemaker/training/metric_scanner.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <spdlog/spdlog.h>

#include "emulator/services/pattern/pattern.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::chrono::milliseconds line_budget{20};  // of one metric
constexpr int lines_given_up_max = 5;                 // then the metric is given up
constexpr int matches_between_looks = 64;             // at the clock

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::string_view without_spaces(std::string_view text) {
  constexpr std::string_view spaces = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(spaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

// Digits with single underscores between them, from `at` on, which moves behind them; false for none or a
// wrong underscore.
bool take_digits(std::string_view text, std::size_t& at, std::string& out) {
  const std::size_t begin = at;
  while (at < text.size() && (is_digit(text[at]) || text[at] == '_')) {
    if (text[at] == '_') {
      const bool between =
          at > begin && is_digit(text[at - 1]) && at + 1 < text.size() && is_digit(text[at + 1]);
      if (!between) return false;
    } else {
      out += text[at];
    }
    ++at;
  }
  return at > begin;
}

std::optional<double> special(std::string_view text) {
  std::string name;
  for (const char c : text) name += lower(c);
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == "inf" || name == "infinity") return std::numeric_limits<double>::infinity();
  return std::nullopt;
}

}  // namespace

std::optional<double> python_float(std::string_view text) {
  text = without_spaces(text);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (const auto value = special(text)) return negative ? -*value : *value;
  std::string plain = negative ? "-" : "";
  std::size_t at = 0;
  const bool before = at < text.size() && text[at] != '.' && take_digits(text, at, plain);
  if (!before && (at >= text.size() || text[at] != '.')) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    plain += text[at++];
    const bool is_more = at < text.size() && (is_digit(text[at]) || text[at] == '_');
    if (is_more ? !take_digits(text, at, plain) : !before) return std::nullopt;
  }
  if (at < text.size() && lower(text[at]) == 'e') {
    plain += text[at++];
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) plain += text[at++];
    if (!take_digits(text, at, plain)) return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  return std::strtod(plain.c_str(), nullptr);  // too large is infinite, as in Python
}

struct MetricScanner::Metric {
  std::string name;
  Pattern pattern;
  bool grouped;
  std::optional<double> value;
  aws::TimePoint when{};
  std::atomic<int> lines_given_up{0};

  Metric(std::string given, const std::string& regex)
      : name(std::move(given)), pattern(regex, Pattern::Dialect::python), grouped(pattern.groups() > 0) {}
};

MetricScanner::MetricScanner(const json& definitions, std::shared_ptr<aws::Clock> clock,
                             MetricPublisher* publisher, Warn warn, Hear hear)
    : clock_(std::move(clock)), publisher_(publisher), warn_(std::move(warn)), hear_(std::move(hear)) {
  for (const json& definition : definitions) {
    const std::string name = definition.at("Name"), regex = definition.at("Regex");
    try {
      metrics_.push_back(std::make_unique<Metric>(name, regex));
    } catch (const PatternError& error) {
      warn_("sagemaker-local: metric " + name + " will have no values: its regular expression " + regex +
            " does not compile: " + error.what());
    }
  }
}

MetricScanner::~MetricScanner() = default;

void MetricScanner::scan(std::string_view line) {
  if (metrics_.empty()) return;
  std::string repaired;
  if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<signed char>(c) < 0; })) {
    // What is not UTF-8 becomes U+FFFD, as in the log: an expression shall find what is around it.
    repaired = aws::parse_json(aws::dump_json(json(line))).get<std::string>();
    line = repaired;
  }
  for (const auto& metric : metrics_)
    if (metric->lines_given_up < lines_given_up_max) scan(*metric, line);
}

void MetricScanner::scan(Metric& metric, std::string_view line) {
  std::chrono::steady_clock::time_point deadline;
  std::size_t from = 0;
  for (int matches = 1;; ++matches) {
    const PatternHit hit = metric.pattern.search_within(line, from, line_budget);
    if (hit.kind == PatternHit::Kind::nothing) return;
    if (hit.kind == PatternHit::Kind::gave_up) return give_up(metric, line.size());
    if (!metric.grouped)
      take(metric, line.substr(hit.begin, hit.end - hit.begin));
    else if (hit.group)
      take(metric, *hit.group);
    from = hit.end;
    if (hit.end == hit.begin)  // on with the next character
      do ++from;
      while (from < line.size() && (static_cast<unsigned char>(line[from]) & 0xC0) == 0x80);
    if (from > line.size()) return;
    if (matches % matches_between_looks != 0) continue;
    const auto now = std::chrono::steady_clock::now();
    if (matches == matches_between_looks)
      deadline = now + line_budget;
    else if (now > deadline)
      return give_up(metric, line.size());
  }
}

void MetricScanner::take(Metric& metric, std::string_view number) {
  const auto value = python_float(number);
  if (!value || !std::isfinite(*value)) return;
  const aws::TimePoint now = clock_->now();
  {
    const std::lock_guard lock(mutex_);
    metric.value = value;
    metric.when = now;
    if (hear_) hear_(metric.name, *value);
  }
  if (publisher_) publisher_->add(metric.name, *value, now);
}

void MetricScanner::give_up(Metric& metric, std::size_t line_bytes) {
  const int times = ++metric.lines_given_up;
  std::string text = "sagemaker-local: metric " + metric.name + ": its regular expression takes more than " +
                     std::to_string(line_budget.count()) + " ms for a line of " + std::to_string(line_bytes) +
                     " bytes, which is skipped";
  if (times >= lines_given_up_max) text += "; from now on so are all lines";
  spdlog::warn("{}", text);
  if (times <= lines_given_up_max) warn_(text);
}

json MetricScanner::final_metrics() const {
  const std::lock_guard lock(mutex_);
  json list = json::array();
  for (const auto& metric : metrics_)
    if (metric->value)
      list.push_back({{"MetricName", metric->name},
                      {"Value", *metric->value},
                      {"Timestamp", aws::to_epoch_seconds(metric->when)}});
  return list;
}

}  // namespace sagemaker::local::services
