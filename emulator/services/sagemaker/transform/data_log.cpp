#include "emulator/services/sagemaker/transform/data_log.hpp"

#include <utility>

namespace sagemaker::local::services::transform {

DataLog::DataLog(Platform& platform, std::string group, std::string stream)
    : platform_(platform), group_(std::move(group)), stream_(std::move(stream)) {
  platform_.logs.open_stream(group_, stream_);
}

void DataLog::say(std::string_view text) {
  const std::string time = aws::format_iso8601(platform_.clock->now());  // "2020-03-25T07:57:45.857Z"
  platform_.logs.write(group_, stream_,
                       time.substr(0, time.size() - 1) + ":[sagemaker logs]: " + std::string(text));
}

void DataLog::say(const S3Location& object, std::string_view text) {
  const std::string name = object.bucket + "/" + object.key + ": ";
  for (;;) {
    const std::size_t end = text.find('\n');
    say(name + std::string(text.substr(0, end)));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace sagemaker::local::services::transform
