// What the text codecs write numbers from: the data of any tensor as one of four types, and each number as
// text.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <torch/torch.h>

namespace sagemaker::container::detail {

// As Python writes them: 1.0, not 1; the fewest digits that read back as the same number.
template <class Number>
void append_number(std::string& out, Number number) {
  if constexpr (std::is_same_v<Number, bool>) {
    out += number ? "true" : "false";
  } else {
    if constexpr (std::is_floating_point_v<Number>) {
      if (!std::isfinite(number)) {
        out += std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity";
        return;
      }
    }
    char text[40];
    const char* const end = std::to_chars(text, text + sizeof text, number).ptr;
    out.append(text, static_cast<std::size_t>(end - text));
    if constexpr (std::is_floating_point_v<Number>) {
      if (std::string_view(text, static_cast<std::size_t>(end - text)).find_first_of(".e") ==
          std::string_view::npos) {
        out += ".0";
      }
    }
  }
}

// Calls `use` with the data of a tensor that was made plain: on the CPU, contiguous, and float, double, int64
// or bool.
template <class Use>
void with_plain_data(const torch::Tensor& tensor, Use&& use) {
  torch::Tensor plain = tensor.detach().to(torch::kCPU);
  const auto type = plain.scalar_type();
  if (at::isComplexType(type))
    throw std::runtime_error("the prediction is complex; return its parts as real numbers");
  const bool kept = type == torch::kFloat || type == torch::kDouble || type == torch::kBool;
  if (!kept) plain = plain.to(at::isFloatingType(type) ? torch::kFloat : torch::kLong);
  plain = plain.contiguous();
  switch (plain.scalar_type()) {
    case torch::kFloat:
      return use(plain.data_ptr<float>(), plain.sizes());
    case torch::kDouble:
      return use(plain.data_ptr<double>(), plain.sizes());
    case torch::kBool:
      return use(plain.data_ptr<bool>(), plain.sizes());
    default:
      return use(plain.data_ptr<std::int64_t>(), plain.sizes());
  }
}

}  // namespace sagemaker::container::detail
