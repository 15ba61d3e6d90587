// Whether bytes of a client are text.
#pragma once

#include <algorithm>
#include <string>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::wire {

// No overlong forms, no surrogates.
inline bool is_utf8(const std::string& text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; })) return true;
  try {
    static_cast<void>(json(text).dump());  // strict
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

}  // namespace sagemaker::local::wire
