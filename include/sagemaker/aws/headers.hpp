// HTTP header fields in the order they were sent or added. Names compare without case; nothing is decoded or
// merged, because signatures cover the exact bytes.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagemaker::aws {

inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// ASCII only: header names and host names.
inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

inline bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

struct Header {
  std::string name, value;
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> fields) : fields_(fields) {}

  // Adds one more field; earlier ones of the same name stay.
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }

  // Replaces all fields of that name; the place of the first one is kept.
  void set(std::string_view name, std::string value) {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (!iequals(fields_[i].name, name)) continue;
      fields_[i].value = std::move(value);
      erase_from(i + 1, name);
      return;
    }
    fields_.push_back({std::string(name), std::move(value)});
  }

  void erase(std::string_view name) { erase_from(0, name); }

  // The first value of that name; nullptr where there is none. Valid until the headers change.
  const std::string* find(std::string_view name) const {
    for (const Header& field : fields_) {
      if (iequals(field.name, name)) return &field.value;
    }
    return nullptr;
  }

  std::string get(std::string_view name, std::string_view fallback = "") const {
    const std::string* value = find(name);
    return value ? *value : std::string(fallback);
  }

  std::size_t count(std::string_view name) const {
    std::size_t count = 0;
    for (const Header& field : fields_) count += iequals(field.name, name) ? 1 : 0;
    return count;
  }

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  bool empty() const { return fields_.empty(); }
  std::size_t size() const { return fields_.size(); }

 private:
  void erase_from(std::size_t first, std::string_view name) {
    std::size_t kept = first;
    for (std::size_t i = first; i < fields_.size(); ++i) {
      if (iequals(fields_[i].name, name)) continue;
      if (kept != i) fields_[kept] = std::move(fields_[i]);
      ++kept;
    }
    fields_.resize(kept);
  }

  std::vector<Header> fields_;
};

}  // namespace sagemaker::aws
