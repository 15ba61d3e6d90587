// Settings that stand in the environment or in the profile, read in this order and checked: what botocore
// calls configuration variables.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/profiles.hpp>

namespace sagemaker::aws {

// One profile seen together with the environment. A null name means: it cannot be set there.
class Settings {
 public:
  Settings(std::shared_ptr<const Environment> environment, std::shared_ptr<const Profiles> profiles,
           std::string profile)
      : environment_(std::move(environment)), profiles_(std::move(profiles)), profile_(std::move(profile)) {}

  const std::shared_ptr<const Environment>& environment() const { return environment_; }
  const std::shared_ptr<const Profiles>& profiles() const { return profiles_; }
  const std::string& profile() const { return profile_; }

  std::optional<std::string> text(const char* variable, const char* key) const {
    if (variable) {
      if (auto value = environment_->value(variable)) return value;
    }
    return key ? profiles_->get(profile_, key) : std::nullopt;
  }
  // A key below `s3 =` of the profile.
  std::optional<std::string> s3(const std::string& key) const {
    return profiles_->get_nested(profile_, "s3", key);
  }

  // As in botocore, everything but "true" is false.
  std::optional<bool> flag(const char* variable, const char* key) const {
    return as_flag(text(variable, key));
  }
  static std::optional<bool> as_flag(const std::optional<std::string>& value) {
    if (!value) return std::nullopt;
    return to_lower(*value) == "true";
  }

  int number(const char* variable, const char* key, int fallback, int least) const {
    return as_number(key, text(variable, key), fallback, least);
  }
  static int as_number(const std::string& name, const std::optional<std::string>& value, int fallback,
                       int least) {
    if (!value) return fallback;
    int number = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc() || end != value->data() + value->size() || number < least) {
      throw ConfigError("Invalid value for " + name + ": " + *value + ", expected an integer of at least " +
                        std::to_string(least));
    }
    return number;
  }

  // Bytes as the AWS CLI writes them: 8388608, 8MB, 64KB, 1GB (powers of 1024).
  static std::uint64_t as_size(const std::string& name, const std::optional<std::string>& value,
                               std::uint64_t fallback) {
    if (!value) return fallback;
    std::uint64_t number = 0;
    const char* const last = value->data() + value->size();
    const auto [end, error] = std::from_chars(value->data(), last, number);
    std::string unit = to_lower(detail::trim(std::string_view(end, static_cast<std::size_t>(last - end))));
    if (unit.ends_with("ib")) unit.erase(unit.size() - 2, 1);
    const std::string_view units[] = {"", "kb", "mb", "gb", "tb"};
    for (unsigned power = 0; error == std::errc() && number > 0 && power < std::size(units); ++power) {
      if (unit == units[power] && number <= std::numeric_limits<std::uint64_t>::max() >> (10 * power)) {
        return number << (10 * power);
      }
    }
    throw ConfigError("Invalid value for " + name + ": " + *value +
                      ", expected a number of bytes such as 8388608 or 8MB");
  }

  // The value in lower case, one of `allowed`; nullopt where it is not set. `message` gets what was found.
  template <typename Message>
  std::optional<std::string> choice(const char* variable, const char* key,
                                    std::initializer_list<std::string_view> allowed,
                                    Message&& message) const {
    const auto found = text(variable, key);
    if (!found) return std::nullopt;
    const std::string lower = to_lower(*found);
    for (const std::string_view candidate : allowed) {
      if (lower == candidate) return lower;
    }
    throw ConfigError(message(*found));
  }

 private:
  std::shared_ptr<const Environment> environment_;
  std::shared_ptr<const Profiles> profiles_;
  std::string profile_;
};

}  // namespace sagemaker::aws
