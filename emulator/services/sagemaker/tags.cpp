#include "emulator/services/sagemaker/tags.hpp"

#include <mutex>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::string_view tags_kind = "tags";
constexpr std::size_t tags_max = 50;  // AWS: per resource

// Resources and their tags are records of their own. Held while those of one resource come or go together,
// or the tags of one could be taken for those of the next of its name.
std::mutex tagging;

void merge(json& stored, const json& tags) {
  for (const json& tag : tags) stored[tag.at("Key").get<std::string>()] = tag.at("Value");
  if (stored.size() > tags_max)
    throw validation_fault("Number of tags exceeds the limit of " + std::to_string(tags_max) +
                           " per resource.");
}

json as_list(const json& stored) {
  json tags = json::array();
  for (const auto& [key, value] : stored.items()) tags.push_back({{"Key", key}, {"Value", value}});
  return tags;
}

// "arn:aws:sagemaker:region:account:kind/name": the resource must exist.
void require_resource(const Platform& platform, const std::string& arn) {
  const std::string prefix = "arn:aws:sagemaker:" + platform.region + ":" + platform.account + ":";
  const std::size_t slash = arn.find('/');
  if (arn.starts_with(prefix) && slash != std::string::npos &&
      platform.records.find(arn.substr(prefix.size(), slash - prefix.size()), arn.substr(slash + 1)))
    return;
  throw validation_fault("Could not find resource \"" + arn + "\".");
}

}  // namespace

void set_tags(Platform& platform, const std::string& arn, const json& tags) {
  if (tags.empty()) return;
  json fresh = json::object();
  merge(fresh, tags);
  if (platform.records.insert(tags_kind, {.name = arn, .arn = arn, .status = {}, .document = fresh})) return;
  platform.records.update(tags_kind, arn, [&](store::Record& record) { merge(record.document, tags); });
}

json tags_of(const Platform& platform, const std::string& arn) {
  const auto record = platform.records.find(tags_kind, arn);
  return as_list(record ? record->document : json::object());
}

void erase_tags(Platform& platform, const std::string& arn) { platform.records.erase(tags_kind, arn); }

bool insert_tagged(Platform& platform, std::string_view kind, const store::Record& resource,
                   const json& tags) {
  const std::lock_guard lock(tagging);
  if (platform.records.find(kind, resource.name)) return false;
  erase_tags(platform, resource.arn);  // what a kill has left of an earlier one of this name
  set_tags(platform, resource.arn, tags);
  return platform.records.insert(kind, resource);
}

bool erase_tagged(Platform& platform, std::string_view kind, const store::Record& resource,
                  const std::function<void(const store::Record&)>& check) {
  const std::lock_guard lock(tagging);
  if (!platform.records.erase(kind, resource.name, check)) return false;
  erase_tags(platform, resource.arn);
  return true;
}

void add_tag_operations(OperationTable& table, Platform& platform) {
  const auto stored = [&platform](const std::string& arn) {
    require_resource(platform, arn);
    return tags_of(platform, arn);
  };
  table["AddTags"] = [&platform, stored](const CallContext&, const json& input) {
    const std::string arn = input.at("ResourceArn");
    require_resource(platform, arn);
    set_tags(platform, arn, input.at("Tags"));
    return json{{"Tags", stored(arn)}};
  };
  table["ListTags"] = [stored](const CallContext&, const json& input) {
    return json{{"Tags", stored(input.at("ResourceArn").get<std::string>())}};  // at most 50: one page
  };
  table["DeleteTags"] = [&platform](const CallContext&, const json& input) {
    const std::string arn = input.at("ResourceArn");
    require_resource(platform, arn);
    platform.records.update(tags_kind, arn, [&](store::Record& record) {
      for (const json& key : input.at("TagKeys")) record.document.erase(key.get<std::string>());
    });
    return json::object();
  };
}

}  // namespace sagemaker::local::services
