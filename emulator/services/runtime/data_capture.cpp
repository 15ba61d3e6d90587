#include "emulator/services/runtime/data_capture.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>

#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/utf8.hpp"

namespace sagemaker::local::services::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// "2022-02-14T17:25:49Z": the second in which it was.
std::string second_of(aws::TimePoint time) { return aws::format_iso8601(time).substr(0, 19) + "Z"; }

// "endpoint/variant/2022/02/14/17"
std::string hour_path(const CaptureRecord& record) {
  std::string hour = second_of(record.time).substr(0, 13);
  std::replace_if(
      hour.begin(), hour.end(), [](char c) { return c == '-' || c == 'T'; }, '/');
  return record.endpoint + "/" + record.variant + "/" + hour;
}

// "text/csv; charset=utf-8" is in a list that has "text/csv".
bool lists(const json& types, const std::string& content_type) {
  std::string_view plain = std::string_view(content_type).substr(0, content_type.find(';'));
  while (plain.ends_with(' ')) plain.remove_suffix(1);
  return std::any_of(types.begin(), types.end(), [&](const json& type) {
    const auto& text = type.get_ref<const std::string&>();
    return aws::iequals(text, content_type) || aws::iequals(text, plain);
  });
}

void append_side(std::string& line, const char* name, const char* mode, const CapturedSide& side) {
  if (!side.wanted) return;
  // What claims to be text and is none could not stand in JSON.
  const bool text = side.encoding != "BASE64" && is_utf8(side.data);
  if (line.back() != '{') line += ',';
  line.append("\"").append(name).append("\":{\"observedContentType\":");
  line += aws::dump_json(json(side.content_type));
  line.append(",\"mode\":\"").append(mode).append("\",\"data\":");
  if (text)
    line += aws::dump_json(json(side.data));
  else
    line.append("\"").append(aws::base64_encode(side.data)).append("\"");
  line.append(",\"encoding\":\"").append(text ? side.encoding : "BASE64").append("\"}");
}

bool captures(const json& config, const char* side) {
  const json& options = config.at("CaptureOptions");
  return std::any_of(options.begin(), options.end(), [side](const json& option) {
    const auto& mode = option.at("CaptureMode").get_ref<const std::string&>();
    return mode == side || mode == "InputAndOutput";
  });
}

}  // namespace

std::string capture_encoding(const json& config, const std::string& content_type) {
  const auto header = config.find("CaptureContentTypeHeader");
  if (header == config.end()) return "BASE64";
  const json none = json::array();
  if (lists(header->value("CsvContentTypes", none), content_type)) return "CSV";
  if (lists(header->value("JsonContentTypes", none), content_type)) return "JSON";
  return "BASE64";
}

std::string capture_line(const CaptureRecord& record, const std::string& event_id) {
  std::string line = "{\"captureData\":{";
  append_side(line, "endpointInput", "INPUT", record.input);
  append_side(line, "endpointOutput", "OUTPUT", record.output);
  line.append("},\"eventMetadata\":{\"eventId\":\"").append(event_id).append("\"");
  if (!record.custom_attributes.empty())
    line.append(",\"customAttributes\":").append(aws::dump_json(json::array({record.custom_attributes})));
  if (!record.inference_id.empty())
    line.append(",\"inferenceId\":").append(aws::dump_json(json(record.inference_id)));
  line.append(",\"inferenceTime\":\"").append(second_of(record.time)).append("\"},\"eventVersion\":\"0\"}\n");
  return line;
}

std::string capture_key(const std::string& prefix, const CaptureRecord& record, const std::string& uuid) {
  std::string key = prefix;
  while (key.ends_with('/')) key.pop_back();
  if (!key.empty()) key += '/';
  std::string minute = second_of(record.time).substr(14, 5);
  minute[2] = '-';
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, "-%03d-", static_cast<int>(aws::to_epoch_ms(record.time) % 1000));
  return key + hour_path(record) + "/" + minute + fraction + uuid + ".jsonl";
}

struct DataCapture::File {
  S3Location target;
  std::unique_ptr<store::BlobWriter> blob;
  Clock::time_point due;
};

DataCapture::DataCapture(store::Objects& objects, std::shared_ptr<aws::Clock> clock,
                         std::function<double()> random, const Settings& settings)
    : objects_(objects),
      clock_(std::move(clock)),
      random_(std::move(random)),
      settings_(settings),
      thread_([this] { run(); }) {}

DataCapture::~DataCapture() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  thread_.join();
}

void DataCapture::note(const InvocationEvent& event) {
  if (event.response == nullptr || event.streamed) return;
  const json& deployed = event.route.deployment->config();
  const auto found = deployed.find("DataCaptureConfig");
  if (found == deployed.end()) return;
  const json& config = *found;
  if (!config.value("EnableCapture", true)) return;
  if (random_() * 100.0 >= config.at("InitialSamplingPercentage").get<double>()) return;
  CaptureRecord record;
  record.destination = config.at("DestinationS3Uri");
  record.endpoint = event.request.endpoint_name;
  record.variant = event.route.variant->name();
  record.inference_id = event.request.inference_id;
  record.custom_attributes = event.request.custom_attributes;
  record.time = clock_->now();
  const auto fill = [&config](CapturedSide& side, const char* name, const std::string& content_type,
                              std::string_view data) {
    side.wanted = captures(config, name);
    if (!side.wanted) return;
    side.content_type = content_type;
    side.encoding = capture_encoding(config, content_type);
    side.data = data;
  };
  {
    const std::lock_guard lock(mutex_);
    if (backlog_bytes_ + event.request.body.size() + event.response->body.size() >
        settings_.backlog_bytes_max) {
      ++dropped_;  // before the bodies are copied
      return;
    }
  }
  fill(record.input, "Input", event.request.content_type, event.request.body);
  fill(record.output, "Output", event.response->content_type, event.response->body);
  take(std::move(record));
}

void DataCapture::take(CaptureRecord record) {
  const std::lock_guard lock(mutex_);
  backlog_bytes_ += record.bytes();
  records_.push_back(std::move(record));
  if (records_.size() == 1) work_.notify_one();
}

void DataCapture::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++flushes_wanted_;
  work_.notify_one();
  flushed_.wait(lock, [&] { return flushes_done_ >= mine; });
}

void DataCapture::write(const CaptureRecord& record) {
  const S3Location destination = parse_s3_uri(record.destination);
  const std::string key = record.destination + "\n" + hour_path(record);
  auto file = files_.find(key);
  if (file == files_.end()) {
    auto next = std::make_unique<File>();
    next->target = {destination.bucket, capture_key(destination.key, record, aws::uuid4())};
    next->blob = objects_.new_blob();  // which a full disk refuses: then there is no file
    next->due = Clock::now() + settings_.flush_after;
    file = files_.emplace(key, std::move(next)).first;
  }
  file->second->blob->append(capture_line(record, aws::uuid4()));
}

void DataCapture::close_files(bool all) {
  const Clock::time_point now = Clock::now();
  for (auto entry = files_.begin(); entry != files_.end();) {
    std::unique_ptr<File>& file = entry->second;
    if (file && !all && file->due > now) {
      ++entry;
      continue;
    }
    try {
      if (file && file->blob) {
        store::ObjectInfo info;
        info.key = file->target.key;
        info.size = file->blob->size();
        info.etag = file->blob->md5_hex();
        info.modified_ms = aws::to_epoch_ms(clock_->now());
        info.metadata = {{"ContentType", "application/octet-stream"}};
        objects_.put(file->target.bucket, info, std::move(file->blob));
      }
    } catch (const std::exception& error) {
      spdlog::warn("captured data for {} is lost: {}", file->target.uri(), error.what());
    }
    entry = files_.erase(entry);
  }
}

void DataCapture::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto ready = [this] { return stopping_ || !records_.empty() || flushes_wanted_ > flushes_done_; };
    Clock::time_point due = Clock::time_point::max();
    for (const auto& [key, file] : files_) due = std::min(due, file->due);
    if (files_.empty())
      work_.wait(lock, ready);
    else
      work_.wait_until(lock, due, ready);
    const std::uint64_t flushes = flushes_wanted_;
    const bool last = stopping_;
    while (!records_.empty()) {
      const CaptureRecord record = std::move(records_.front());
      records_.pop_front();
      lock.unlock();
      try {
        write(record);
      } catch (const std::exception& error) {
        spdlog::warn("a captured request of endpoint {} is lost: {}", record.endpoint, error.what());
      }
      lock.lock();
      backlog_bytes_ -= record.bytes();
    }
    if (const std::size_t dropped = std::exchange(dropped_, 0); dropped > 0)
      spdlog::warn("{} requests were not captured: the disk is slower than they come", dropped);
    const bool all = last || flushes > flushes_done_;
    lock.unlock();
    close_files(all);
    lock.lock();
    flushes_done_ = std::max(flushes_done_, flushes);
    flushed_.notify_all();
    if (last) return;
  }
}

}  // namespace sagemaker::local::services::runtime
