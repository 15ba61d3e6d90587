// See role_records.hpp.
#include "emulator/services/iam/role_records.hpp"

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

ServiceFault no_such_role(const std::string& name) {
  return ServiceFault("NoSuchEntity", 404, "The role with name " + name + " cannot be found.");
}

}  // namespace

std::string role_record_name(std::string_view role_name) { return aws::to_lower(role_name); }

std::optional<store::Record> find_role(const store::Records& records, const std::string& role_name) {
  auto record = records.find(role_kind, role_record_name(role_name));
  if (record && record->document.at("RoleName") != json(role_name)) return std::nullopt;
  return record;
}

store::Record require_role(const store::Records& records, const std::string& role_name) {
  if (auto record = find_role(records, role_name)) return *std::move(record);
  throw no_such_role(role_name);
}

void change_role(store::Records& records, const std::string& role_name,
                 const std::function<void(json& document)>& change) {
  const auto changed = records.update(role_kind, role_record_name(role_name), [&](store::Record& record) {
    if (record.document.at("RoleName") != json(role_name)) throw no_such_role(role_name);
    change(record.document);
  });
  if (!changed) throw no_such_role(role_name);
}

std::string whole_seconds(aws::TimePoint time) {
  const std::string text = aws::format_iso8601(time);
  return text.substr(0, text.find('.')) + "Z";
}

}  // namespace sagemaker::local::services
