// What the benchmarks share: percentiles, one line of a table for each measurement, and the few calls of the control
// plane that more than one of them needs. Every figure is printed beside a floor that was measured in the same run.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sagemaker/sagemaker.hpp>

namespace sagemaker::bench {

using Steady = std::chrono::steady_clock;

inline double ms_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

// The value below which the given part of all samples lies.
inline double percentile(std::vector<double> samples, double part) {
  if (samples.empty()) throw std::invalid_argument("no samples were taken");
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(samples.size())));
  const std::size_t index = std::min(std::max<std::size_t>(rank, 1), samples.size()) - 1;
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(index), samples.end());
  return samples[index];
}

// What a budget is compared with: the value itself, how much it is above the floor, or value divided by floor.
enum class Judged { value, excess, ratio };
enum class Better { lower, higher };

struct Floor {
  std::string name;  // empty: there is none
  double value = 0;
};

struct Budget {
  double limit = 0;  // 0: none, the line is for information
  Judged judged = Judged::value;
  Better better = Better::lower;
};

struct Measurement {
  std::string what, unit;
  double value = 0;
  Floor floor = {};
  Budget budget = {};
};

inline std::string format(const char* pattern, double value, const std::string& unit = "") {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return unit.empty() ? text : text + (" " + unit);
}

inline std::string budget_text(const Measurement& m) {
  if (m.budget.limit == 0) return "";
  const std::string limit = format("%g", m.budget.limit);
  const char* sign = m.budget.better == Better::lower ? "<= " : ">= ";
  switch (m.budget.judged) {
    case Judged::value: return sign + limit + " " + m.unit;
    case Judged::excess: return "floor + " + limit + " " + m.unit;
    case Judged::ratio: return sign + limit + " x floor";
  }
  return "";
}

inline std::string verdict(const Measurement& m) {
  if (m.budget.limit == 0) return "";
  const double judged = m.budget.judged == Judged::value    ? m.value
                        : m.budget.judged == Judged::excess ? m.value - m.floor.value
                                                            : m.value / m.floor.value;
  const bool met = m.budget.better == Better::lower ? judged <= m.budget.limit : judged >= m.budget.limit;
  return met ? "ok" : "OVER";
}


inline void print(const Measurement& m) {
  const std::string floor = m.floor.name.empty() ? "" : m.floor.name + ": " + format("%.3g", m.floor.value, m.unit);
  const std::string ratio = m.floor.name.empty() ? "" : format("%.2f", m.value / m.floor.value);
  std::printf("%-46s %14s  %-44s %8s  %-18s %s\n", m.what.c_str(), format("%.3g", m.value, m.unit).c_str(),
              floor.c_str(), ratio.c_str(), budget_text(m).c_str(), verdict(m).c_str());
  std::fflush(stdout);
}

// A figure of /proc/PID/status in megabytes: VmRSS, VmHWM.
inline double memory_mb(pid_t pid, const std::string& field) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  throw std::runtime_error("no " + field + " of process " + std::to_string(pid));
}

inline const std::string& role_arn() {
  static const std::string arn = "arn:aws:iam::000000000000:role/bench";
  return arn;
}

// The program beside this one: tests/bench/model.cpp.
inline std::string model_program() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "bench_model").string();
}

// A name that no other job or endpoint of this run has.
inline std::string unique_name(const std::string& base) {
  static int count = 0;
  return base + "-" + std::to_string(++count);
}

// CreateTrainingJob's document for a job on one instance without input.
inline json training_job(const std::string& name, const std::string& image, const std::string& output) {
  return {{"TrainingJobName", name},
          {"AlgorithmSpecification", {{"TrainingImage", image}, {"TrainingInputMode", "File"}}},
          {"RoleArn", role_arn()},
          {"OutputDataConfig", {{"S3OutputPath", output}}},
          {"ResourceConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 1}}},
          {"StoppingCondition", {{"MaxRuntimeInSeconds", 120}}}};
}

// Runs a benchmark's body and turns an exception into a message and an exit code.
template <class Body>
int run(const char* name, Body body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace sagemaker::bench
