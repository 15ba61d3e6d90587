// Reading the members of an input document: absent ones have a default, the wire layer has already given them
// types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

inline bool has(const json& input, const char* member) { return input.contains(member); }

inline std::string text_of(const json& input, const char* member, const std::string& fallback = "") {
  const auto found = input.find(member);
  return found != input.end() && found->is_string() ? found->get<std::string>() : fallback;
}

// A structure or list inside the document; null where it is absent.
inline const json& part_of(const json& input, const char* member) {
  static const json nothing;
  const auto found = input.find(member);
  return found != input.end() ? *found : nothing;
}

inline std::optional<std::int64_t> number_of(const json& input, const char* member) {
  const auto found = input.find(member);
  if (found == input.end() || !found->is_number()) return std::nullopt;
  return found->get<std::int64_t>();
}

inline std::string in_quotes(const std::string& etag) {
  std::string text = "\"";
  text.append(etag).push_back('"');
  return text;
}

// An entity tag as clients send it: with or without quotes, weak or not.
inline std::string without_quotes(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') return etag.substr(1, etag.size() - 2);
  return etag;
}

}  // namespace sagemaker::local::services::s3
