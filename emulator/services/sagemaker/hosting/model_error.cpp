#include "emulator/services/sagemaker/hosting/model_error.hpp"

namespace sagemaker::local::services::hosting {
namespace {

constexpr std::size_t message_bytes_max = 4096;  // a traceback, not a data set

// At most `message_bytes_max`, and not in the middle of a character.
std::string shortened(std::string_view text) {
  if (text.size() <= message_bytes_max) return std::string(text);
  std::size_t end = message_bytes_max;
  while (end > message_bytes_max - 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end));
}

}  // namespace

ServiceFault model_error(const Platform& platform, const std::string& group, const std::string& container,
                         int status, std::string_view original) {
  const std::string kind = status >= 400 && status < 500 ? "client error" : "server error";
  const std::string text = shortened(original);
  const std::string message = "Received " + kind + " (" + std::to_string(status) + ") from " + container +
                              " with message \"" + text + "\". See https://" + platform.region +
                              ".console.aws.amazon.com/cloudwatch/home?region=" + platform.region +
                              "#logEventViewer:group=" + group + " in account " + platform.account +
                              " for more information.";
  return ServiceFault(
      "ModelError", 424, message,
      {{"OriginalStatusCode", status},
       {"OriginalMessage", text},
       {"LogStreamArn", "arn:aws:logs:" + platform.region + ":" + platform.account + ":log-group:" + group}});
}

ServiceFault model_timeout(const Platform& platform, const std::string& group, const std::string& container) {
  return model_error(platform, group, container, 0,
                     "Your invocation timed out while waiting for a response from container " + container +
                         ". Review the latency metrics for each container in Amazon CloudWatch, resolve the "
                         "issue, and try again.");
}

}  // namespace sagemaker::local::services::hosting
