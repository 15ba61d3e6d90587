// Marker, MaxItems and IsTruncated: IAM's way to hand out long lists in pages.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {

inline int page_size_of(const json& input) { return input.value("MaxItems", 100); }

inline ServiceFault invalid_marker() { return ServiceFault("ValidationError", 400, "Invalid Marker."); }

inline void set_next_page(json& output, const std::string& marker) {
  output["IsTruncated"] = !marker.empty();
  if (!marker.empty()) output["Marker"] = marker;
}

// One page of `entries`, which are sorted by the text that goes before each; the marker is the last one
// handed out, so pages stay stable when entries come and go.
inline json page_of(const json& input, const char* member,
                    const std::vector<std::pair<std::string, json>>& entries) {
  std::string behind;
  const bool continued = input.contains("Marker");
  if (continued) {
    const auto text = aws::base64_decode(input.at("Marker").get<std::string>());
    if (!text) throw invalid_marker();
    behind = *text;
  }
  const auto size = static_cast<std::size_t>(page_size_of(input));
  json list = json::array();
  std::string last, marker;
  for (const auto& [key, entry] : entries) {
    if (continued && key <= behind) continue;
    if (list.size() == size) {
      marker = aws::base64_encode(last);
      break;
    }
    list.push_back(entry);
    last = key;
  }
  json output = {{member, std::move(list)}};
  set_next_page(output, marker);
  return output;
}

}  // namespace sagemaker::local::services
