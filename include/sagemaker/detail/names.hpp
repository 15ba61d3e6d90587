// Names of jobs, models and endpoints, made as the SageMaker Python SDK makes them:
// {base}-{YYYY-MM-DD-HH-MM-SS-mmm}.
#pragma once

#include <cctype>
#include <string>
#include <string_view>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::detail {

// At most 63 characters: the base is cut, never the time.
inline std::string name_from_base(std::string_view base, aws::TimePoint now) {
  std::string stamp = aws::format_iso8601(now).substr(0, 23);  // 2013-05-24T00:00:00.000
  for (char& c : stamp) {
    if (c == 'T' || c == ':' || c == '.') c = '-';
  }
  return std::string(base.substr(0, 63 - stamp.size() - 1)) + "-" + stamp;
}

// "123456789012.dkr.ecr.us-east-1.amazonaws.com/my_image:latest" -> "my-image": the last part of the path
// without its tag, and with the characters alone that names may have.
inline std::string base_name_from_image(std::string_view image) {
  std::string_view name = image.substr(image.rfind('/') + 1);
  name = name.substr(0, name.find_first_of(":@"));
  std::string base;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain)
      base += c;
    else if (!base.empty() && base.back() != '-')
      base += '-';
  }
  while (base.ends_with('-')) base.pop_back();
  return base.empty() ? "job" : base;
}

}  // namespace sagemaker::detail
