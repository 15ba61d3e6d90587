// Bodies of context.hpp.
#pragma once

#include <algorithm>

#include <sagemaker/container/context.hpp>
#include <sagemaker/container/detail/http_message.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION std::string Context::request_header(std::string_view name) const {
  for (const auto& [key, value] : request_headers_) {
    if (detail::same_letters(key, name)) return value;
  }
  return "";
}

SAGEMAKER_CONTAINER_FUNCTION void Context::set_status(int status) {
  if (status < 200 || status > 599) {
    throw std::invalid_argument("the status of an answer is 200 to 599, not " + std::to_string(status));
  }
  status_ = status;
}

SAGEMAKER_CONTAINER_FUNCTION void Context::set_header(std::string name, std::string value) {
  for (const char* const own : {"Content-Length", "Transfer-Encoding", "Connection", "Content-Type"}) {
    if (detail::same_letters(name, own)) throw std::invalid_argument("a hook cannot set the header " + name);
  }
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(),
                                                  [](char c) { return c > ' ' && c < 127 && c != ':'; });
  if (!plain) throw std::invalid_argument("'" + name + "' is no name of a header");
  std::erase_if(headers_, [&](const auto& header) { return detail::same_letters(header.first, name); });
  headers_.emplace_back(std::move(name), std::move(value));
}

}  // namespace sagemaker::container
