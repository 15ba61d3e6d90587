#include "emulator/services/s3/tags.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/utf8.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::size_t key_characters_max = 128;
constexpr std::size_t value_characters_max = 256;

std::size_t characters_in(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Letters and digits of any language (here: every character beyond ASCII), blanks, and a few signs.
bool is_tag_text(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || byte >= 0x80;
    return alphanumeric || std::string_view(" \t\n\r_.:/=+-@").find(c) != std::string_view::npos;
  });
}

ServiceFault invalid_tag(const std::string& message, json fields) {
  return {"InvalidTag", 400, message, std::move(fields)};
}

ServiceFault malformed_header(const std::string& header) {
  return invalid_argument(
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
      "name duplicates.",
      "x-amz-tagging", header);
}

}  // namespace

void check_tags(const json& tag_set, const ServiceFault& system_tag) {
  std::set<std::string> keys;
  for (const json& tag : tag_set) {
    const std::string key = text_of(tag, "Key");
    const std::string value = text_of(tag, "Value");
    if (!keys.insert(key).second) {
      throw invalid_tag("Cannot provide multiple Tags with the same key", {{"TagKey", key}});
    }
    if (aws::to_lower(key).starts_with("aws:")) {
      json fields = system_tag.fields();
      if (has(fields, "TagKey")) fields["TagKey"] = key;
      throw invalid_tag(system_tag.message(), std::move(fields));
    }
    if (key.empty() || characters_in(key) > key_characters_max || !is_tag_text(key)) {
      throw invalid_tag("The TagKey you have provided is invalid", {{"TagKey", key}});
    }
    if (characters_in(value) > value_characters_max || !is_tag_text(value)) {
      throw invalid_tag("The TagValue you have provided is invalid", {{"TagKey", key}, {"TagValue", value}});
    }
  }
}

void check_object_tags(const json& tag_set) {
  constexpr std::size_t tags_max = 10;
  check_tags(tag_set, invalid_tag("Your TagKey cannot be prefixed with aws:", {{"TagKey", ""}}));
  if (tag_set.size() > tags_max) {
    throw ServiceFault("BadRequest", 400, "Object tags cannot be greater than 10");
  }
}

json tags_in_header(const std::string& header) {
  json tag_set = json::array();
  std::set<std::string> keys;
  std::string_view rest = header;
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view field = rest.substr(0, ampersand);
    rest = ampersand == std::string_view::npos ? std::string_view() : rest.substr(ampersand + 1);
    const std::size_t equals = field.find('=');
    const auto decoded = [](std::string_view text) -> std::optional<std::string> {
      std::optional<std::string> plain = aws::uri_decode(text, true);
      return plain && is_utf8(*plain) ? plain : std::nullopt;
    };
    const std::optional<std::string> key = decoded(field.substr(0, equals));
    const std::optional<std::string> value =
        equals == std::string_view::npos ? std::string() : decoded(field.substr(equals + 1));
    if (!key || !value || key->empty() || !keys.insert(*key).second) throw malformed_header(header);
    tag_set.push_back({{"Key", *key}, {"Value", *value}});
  }
  check_object_tags(tag_set);
  return tag_set;
}

}  // namespace sagemaker::local::services::s3
