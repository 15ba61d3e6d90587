// An object of a transform job, in memory, and a model that is a function.
#pragma once

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/services/sagemaker/transform/object_transform.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

namespace transform = sagemaker::local::services::transform;

// Gives at most `piece` bytes at a time.
class TextSource final : public sagemaker::local::runner::ByteSource {
 public:
  explicit TextSource(std::string text, std::size_t piece = SIZE_MAX)
      : text_(std::move(text)), piece_(piece) {}
  std::size_t read(char* target, std::size_t size) override {
    const std::size_t taken = text_.copy(target, std::min(size, piece_), at_);
    at_ += taken;
    return taken;
  }

 private:
  std::string text_;
  std::size_t piece_, at_ = 0;
};

// Transforms one object; what was sent is kept in the order in which it was sent.
struct TransformRun {
  using Model = std::function<std::string(std::string_view body)>;

  explicit TransformRun(transform::ObjectSettings of_job) : settings(std::move(of_job)) {}

  std::string operator()(sagemaker::local::runner::ByteSource& source, const Model& model) {
    const auto send = [&](const transform::RequestBody& body, const std::function<bool(std::string_view)>&) {
      {
        const std::lock_guard lock(mutex_);
        sent.emplace_back(body.bytes);
      }
      return model(body.bytes);
    };
    const auto target = folder_ / "output";
    transform::transform_object(settings, source, target, send, stopped);
    std::ifstream file(target, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string operator()(const std::string& object, const Model& model) {
    TextSource source(object);
    return (*this)(source, model);
  }
  // The answer to every request is its body.
  std::string operator()(const std::string& object) {
    return (*this)(object, [](std::string_view body) { return std::string(body); });
  }

  transform::ObjectSettings settings;
  std::function<bool()> stopped = [] { return false; };
  std::vector<std::string> sent;

 private:
  std::mutex mutex_;
  TemporaryDirectory folder_;
};

}  // namespace sagemaker::tests
