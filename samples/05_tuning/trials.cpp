#include "trials.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <set>

namespace sm = sagemaker;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

// Numbers with four digits; texts without the quotation marks that they have as JSON.
std::string shown(const sm::json& value) {
  if (value.is_number()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value.get<double>());
    return text;
  }
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::set<std::string> parameters_of(const std::vector<sm::TuningJobRow>& rows) {
  std::set<std::string> names;
  for (const sm::TuningJobRow& row : rows) {
    for (const auto& [name, value] : row.parameters) names.insert(name);
  }
  return names;
}

}  // namespace

std::string trial_table(std::vector<sm::TuningJobRow> rows) {
  constexpr std::size_t bar = 30;
  std::sort(rows.begin(), rows.end(), [](const sm::TuningJobRow& one, const sm::TuningJobRow& other) {
    return one.training_job_name < other.training_job_name;  // NAME-001-..., NAME-002-...
  });
  double lowest = none;
  double highest = none;
  for (const sm::TuningJobRow& row : rows) {
    lowest = std::fmin(lowest, row.final_objective_value.value_or(none));  // the number, where one is none
    highest = std::fmax(highest, row.final_objective_value.value_or(none));
  }
  const std::set<std::string> names = parameters_of(rows);
  const auto width = [](const std::string& name) { return std::max<std::size_t>(name.size(), 9) + 2; };
  std::string text = "trial";
  for (const std::string& name : names) text += right_aligned(name, width(name));
  text += right_aligned("objective", 11) + "\n";

  double best = none;
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const sm::TuningJobRow& row = rows[index];
    text += right_aligned(std::to_string(index + 1), 5);
    for (const std::string& name : names) {
      const auto value = row.parameters.find(name);
      text += right_aligned(value == row.parameters.end() ? "" : shown(value->second), width(name));
    }
    if (row.final_objective_value) {
      const double objective = *row.final_objective_value;
      const double part = highest > lowest ? (objective - lowest) / (highest - lowest) : 1;
      const auto length = static_cast<std::size_t>(std::lround(part * bar));
      text += right_aligned(shown(objective), 11) + " " + (objective <= best ? ' ' : '*') + " " +
              std::string(length, '=') + std::string(bar - length, ' ');
      best = std::fmax(best, objective);
    }
    if (row.training_job_status != "Completed") text += " " + row.training_job_status;
    while (text.back() == ' ') text.pop_back();
    text += "\n";
  }
  return text;
}
