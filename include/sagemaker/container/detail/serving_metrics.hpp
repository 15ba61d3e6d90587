// What a serving program counts about itself, as Prometheus reads it (GET /metrics):
// https://prometheus.io/docs/instrumenting/exposition_formats/.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace sagemaker::container::detail {

// Counts values by upper bounds. Values are added as whole numbers of `unit`.
template <std::size_t N>
class Histogram {
 public:
  constexpr Histogram(std::array<double, N> bounds, double unit) : bounds_(bounds), unit_(unit) {}

  void add(std::uint64_t value) {
    const double scaled = static_cast<double>(value) * unit_;
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), scaled) - bounds_.begin();
    counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  void append_to(std::string& out, std::string_view name, std::string_view help) const {
    const std::string key(name);
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out.append(name).append(" histogram\n");
    std::uint64_t below = 0;
    char bound[32];
    for (std::size_t i = 0; i <= N; ++i) {
      below += counts_[i].load(std::memory_order_relaxed);
      std::snprintf(bound, sizeof bound, "%g", i < N ? bounds_[i] : 0.0);
      out += key + "_bucket{le=\"" + (i < N ? bound : "+Inf") + "\"} " + std::to_string(below) + "\n";
    }
    std::snprintf(bound, sizeof bound, "%.9g",
                  static_cast<double>(sum_.load(std::memory_order_relaxed)) * unit_);
    out += key + "_sum " + bound + "\n" + key + "_count " + std::to_string(below) + "\n";
  }

 private:
  const std::array<double, N> bounds_;
  const double unit_;
  std::array<std::atomic<std::uint64_t>, N + 1> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

class ServingMetrics {
 public:
  Histogram<14> request_seconds{latency_bounds, 1e-9};  // from the last byte of a request to its answer
  Histogram<14> model_seconds{latency_bounds, 1e-9};    // of one call of the model
  Histogram<11> batch_rows{{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}, 1};
  Histogram<11> batch_requests{{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}, 1};

  void count_answer(int status) {
    const auto kind = static_cast<std::size_t>(std::clamp(status / 100, 2, 5) - 2);
    answers_[kind].fetch_add(1, std::memory_order_relaxed);
  }

  std::string text(int connections, int busy, std::size_t waiting, std::size_t models) const {
    std::string out =
        "# HELP sagemaker_invocations_total Invocations answered, by class of status.\n"
        "# TYPE sagemaker_invocations_total counter\n";
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      out += "sagemaker_invocations_total{code=\"" + std::to_string(i + 2) + "xx\"} " +
             std::to_string(answers_[i].load(std::memory_order_relaxed)) + "\n";
    }
    request_seconds.append_to(out, "sagemaker_invocation_duration_seconds",
                              "From the last byte of a request to its answer.");
    model_seconds.append_to(out, "sagemaker_model_duration_seconds", "One call of the model.");
    batch_rows.append_to(out, "sagemaker_batch_rows", "Rows in one call of the model.");
    batch_requests.append_to(out, "sagemaker_batch_requests", "Requests in one call of the model.");
    const auto gauge = [&](const char* name, const char* help, std::size_t value) {
      out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " gauge\n" + name + " " +
             std::to_string(value) + "\n";
    };
    gauge("sagemaker_connections", "Open connections.", static_cast<std::size_t>(std::max(0, connections)));
    gauge("sagemaker_connections_busy", "Connections with a request or an answer under way.",
          static_cast<std::size_t>(std::max(0, busy)));
    gauge("sagemaker_requests_waiting", "Requests that wait for a worker.", waiting);
    gauge("sagemaker_models_loaded", "Models that are loaded.", models);
    return out;
  }

 private:
  static constexpr std::array<double, 14> latency_bounds{5e-5, 1e-4,  2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
                                                         0.01, 0.025, 0.1,    0.25, 1,    5,      30};
  std::array<std::atomic<std::uint64_t>, 4> answers_{};
};

}  // namespace sagemaker::container::detail
