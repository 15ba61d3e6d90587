// Names of jobs, models and endpoints, made as the SageMaker Python SDK makes them:
// {base}-{YYYY-MM-DD-HH-MM-SS-mmm}.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string>
#include <string_view>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::detail {

// A text with the characters alone that names may have, [a-zA-Z0-9](-*[a-zA-Z0-9])*: a hyphen stands for
// others. The SDK sends a base as it is, and the service refuses it. An empty text stays empty.
inline std::string plain_base(std::string_view text) {
  std::string base;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      base += c;
    else if (!base.empty() && (c == '-' || base.back() != '-'))
      base += '-';
  }
  return base.empty() && !text.empty() ? "job" : base;
}

// At most 63 characters: the base is cut, never the time.
inline std::string name_from_base(std::string_view text, aws::TimePoint now) {
  const std::string base = plain_base(text);
  std::string stamp = aws::format_iso8601(now).substr(0, 23);  // 2013-05-24T00:00:00.000
  for (char& c : stamp) {
    if (c == 'T' || c == ':' || c == '.') c = '-';
  }
  return base.substr(0, 63 - stamp.size() - 1) + "-" + stamp;
}

// The same with the time alone to the minute: {base}-{YYMMDD-HHMM}.
inline std::string short_name_from_base(std::string_view base, aws::TimePoint now) {
  const std::string time = aws::format_iso8601(now);  // 2013-05-24T00:00:00.000Z
  const std::string stamp = time.substr(2, 2) + time.substr(5, 2) + time.substr(8, 2) + "-" +
                            time.substr(11, 2) + time.substr(14, 2);
  return std::string(base.substr(0, 63 - stamp.size() - 1)) + "-" + stamp;
}

// Of a tuning job, at most 32 characters: {base}-{YYMMDD-HHMMSS-mmm}. The SDK leaves the seconds out, and
// cannot start two jobs in one minute.
inline std::string tuning_name_from_base(std::string_view base, aws::TimePoint now) {
  const std::string time = aws::format_iso8601(now);  // 2013-05-24T00:00:00.000Z
  const std::string stamp = time.substr(2, 2) + time.substr(5, 2) + time.substr(8, 2) + "-" +
                            time.substr(11, 2) + time.substr(14, 2) + time.substr(17, 2) + "-" +
                            time.substr(20, 3);
  return plain_base(base).substr(0, 32 - stamp.size() - 1) + "-" + stamp;
}

// {base}-{seconds since 1970}-{four hexadecimal digits}. `random` is from [0, 1).
inline std::string unique_name_from_base(std::string_view base, aws::TimePoint now, double random) {
  char tail[32];
  std::snprintf(tail, sizeof tail, "-%lld-%04x", static_cast<long long>(aws::to_epoch_ms(now) / 1000),
                std::min(0xffffu, static_cast<unsigned>(random * 0x10000)));
  return std::string(base.substr(0, 63 - std::string_view(tail).size())) + tail;
}

// Whether a text ends in a shape of digits, 'd', and other characters.
inline bool ends_in_shape(std::string_view text, std::string_view shape) {
  if (text.size() <= shape.size()) return false;
  const std::string_view tail = text.substr(text.size() - shape.size());
  for (std::size_t index = 0; index < shape.size(); ++index) {
    const bool digit = tail[index] >= '0' && tail[index] <= '9';
    if (shape[index] == 'd' ? !digit : tail[index] != shape[index]) return false;
  }
  return true;
}

// Names end in -YYYY-MM-DD-HH-MM-SS-mmm where the library made them, those of tuning jobs in -YYMMDD-HHMM,
// as the SDK makes them, or -YYMMDD-HHMMSS-mmm; what goes before is the base.
inline std::string base_of_name(const std::string& name) {
  for (const std::string_view shape : {"-dddd-dd-dd-dd-dd-dd-ddd", "-dddddd-dddddd-ddd", "-dddddd-dddd"}) {
    if (ends_in_shape(name, shape)) return name.substr(0, name.size() - shape.size());
  }
  return name;
}

// "123456789012.dkr.ecr.us-east-1.amazonaws.com/my_image:latest" -> "my-image": the last part of the path
// without its tag.
inline std::string base_name_from_image(std::string_view image) {
  std::string_view name = image.substr(image.rfind('/') + 1);
  std::string base = plain_base(name.substr(0, name.find_first_of(":@")));
  while (base.ends_with('-')) base.pop_back();
  return base.empty() ? "job" : base;
}

}  // namespace sagemaker::detail
