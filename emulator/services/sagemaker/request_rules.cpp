#include "emulator/services/sagemaker/request_rules.hpp"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// In any mixture of upper and lower case.
bool is_reserved(const std::string& key) {
  constexpr std::string_view prefix = "aws:";
  if (key.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const char c = key[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != prefix[i]) return false;
  }
  return true;
}

// AWS's words, as SageMaker was seen to answer.
void refuse_reserved(const std::string& key) {
  if (is_reserved(key))
    throw validation_fault("System prefix 'aws:' reserved for AWS usage in tag key: " + key);
}

void check_tags(const json& input) {
  std::set<std::string> keys;
  for (const json& tag : input.value("Tags", json::array())) {
    const std::string key = tag.at("Key");
    refuse_reserved(key);
    if (!keys.insert(key).second) throw validation_fault("Duplicate tag key");
  }
  for (const json& key : input.value("TagKeys", json::array())) refuse_reserved(key);
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

// Of the member `name`, of a kind that becomes part of a process: a map of texts or a list of them.
void check_process_texts(const std::string& name, const json& texts) {
  for (const auto& [key, text] : texts.items()) {
    if (!has_nul(key) && !(text.is_string() && has_nul(text.get_ref<const std::string&>()))) continue;
    const std::string which = texts.is_object() && !has_nul(key) ? " of " + key : "";
    throw validation_fault("Invalid " + name + ": the value" + which + " contains a NUL character.");
  }
}

void check_processes(const json& value) {
  if (!value.is_structured()) return;
  for (const auto& [name, member] : value.items()) {
    const bool process =
        name == "Environment" || name == "ContainerEntrypoint" || name == "ContainerArguments";
    if (process && member.is_structured())
      check_process_texts(name, member);
    else
      check_processes(member);
  }
}

}  // namespace

OperationTable with_request_rules(OperationTable operations) {
  for (auto& [name, operation] : operations)
    operation = [inner = std::move(operation)](const CallContext& context, const json& input) {
      check_tags(input);
      check_processes(input);
      return inner(context, input);
    };
  return operations;
}

}  // namespace sagemaker::local::services
