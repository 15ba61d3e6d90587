// See s3_post_policy.hpp.
#include "emulator/wire/s3_post_policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr int policy_depth_max = 8;

ServiceFault invalid(const std::string& message) {
  return {"InvalidPolicyDocument", 400, "Invalid Policy: " + message};
}

ServiceFault denied(const std::string& message) {
  return {"AccessDenied", 403, "Invalid according to Policy: " + message};
}

// Values may be numbers; in messages and comparisons they are texts.
std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : aws::dump_json(value);
}

ServiceFault failed(const std::string& first, const std::string& second, const std::string& third) {
  return denied("Policy Condition failed: [" + aws::dump_json(json(first)) + ", " +
                aws::dump_json(json(second)) + ", " + aws::dump_json(json(third)) + "]");
}

std::optional<std::uint64_t> whole_number(const json& value) {
  const std::string text = text_of(value);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

class PolicyCheck {
 public:
  explicit PolicyCheck(const FormFields& fields) : fields_(fields) {}

  void condition(const json& condition) {
    if (condition.is_object()) {
      if (condition.size() != 1) {
        throw invalid(
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
      }
      return compare("eq", "$" + condition.begin().key(), text_of(condition.begin().value()));
    }
    if (!condition.is_array() || condition.size() != 3 || !condition[0].is_string()) {
      throw invalid("Invalid Condition: a condition must be an object or a list of three.");
    }
    const std::string kind = condition[0].get<std::string>();
    if (aws::iequals(kind, "content-length-range")) return limit(condition);
    if (!aws::iequals(kind, "eq") && !aws::iequals(kind, "starts-with")) {
      throw invalid("Invalid Condition: unknown operation '" + kind + "'.");
    }
    compare(aws::to_lower(kind), text_of(condition[1]), text_of(condition[2]));
  }

  // Whoever wrote the policy must have known of every field.
  void require_all_named() const {
    constexpr std::array<std::string_view, 6> free = {"policy",          "signature", "awsaccesskeyid",
                                                      "x-amz-signature", "file",      "bucket"};
    for (const auto& [name, value] : fields_) {
      const bool is_free =
          std::find(free.begin(), free.end(), name) != free.end() || name.starts_with("x-ignore-");
      if (!is_free && !named_.contains(name)) throw denied("Extra input fields: " + name);
    }
  }

  const LengthRange& length() const { return length_; }

 private:
  void compare(const std::string& kind, const std::string& variable, const std::string& wanted) {
    if (!variable.starts_with('$')) throw failed(kind, variable, wanted);
    const std::string name = aws::to_lower(std::string_view(variable).substr(1));
    named_.insert(name);
    const auto field = fields_.find(name);
    const std::string value = field == fields_.end() ? "" : field->second;
    const bool holds = kind == "eq" ? field != fields_.end() && value == wanted : value.starts_with(wanted);
    if (!holds) throw failed(kind, variable, wanted);
  }
  void limit(const json& condition) {
    const auto min = whole_number(condition[1]);
    const auto max = whole_number(condition[2]);
    if (!min || !max) throw failed("content-length-range", text_of(condition[1]), text_of(condition[2]));
    length_ = {std::max(length_.min, *min), std::min(length_.max, *max)};
  }

  const FormFields& fields_;
  std::set<std::string> named_;
  LengthRange length_;
};

}  // namespace

LengthRange check_post_policy(const std::string& policy, const FormFields& fields, aws::TimePoint now) {
  json document;
  try {
    document = aws::parse_json(aws::base64_decode(policy).value_or(""), policy_depth_max);
  } catch (const aws::JsonError&) {
    throw invalid("Invalid JSON.");
  }
  if (!document.is_object()) throw invalid("Invalid JSON.");
  if (!document.contains("expiration")) throw invalid("Policy missing expiration.");
  const std::string expiration = text_of(document["expiration"]);
  const std::optional<aws::TimePoint> end = aws::parse_iso8601(expiration);
  if (!end) throw invalid("Invalid 'expiration' value: '" + expiration + "'");
  if (*end <= now) throw denied("Policy expired.");
  if (!document.contains("conditions") || !document["conditions"].is_array()) {
    throw invalid("Policy missing conditions.");
  }
  PolicyCheck check(fields);
  for (const json& condition : document["conditions"]) check.condition(condition);
  check.require_all_named();
  return check.length();
}

}  // namespace sagemaker::local::wire
