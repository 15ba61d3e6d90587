// Building and reading the JSON documents of requests and answers. nlohmann::json can do all of this by
// itself, but then instantiates a chain of templates for every length of a string literal: these few
// functions save a second of compile time in every program that includes the library.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::detail {

struct Member {
  Member(const char* member, json content) : name(member), value(std::move(content)) {}
  Member(const char* member, const char* content) : name(member), value(std::string(content)) {}
  const char* name;
  json value;
};

inline json object(std::initializer_list<Member> members) {
  json document = json::object();
  for (const Member& member : members) document[member.name] = member.value;
  return document;
}

inline json text_array(const std::vector<std::string>& texts) {
  json array = json::array();
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

inline json text_object(const std::map<std::string, std::string>& texts) {
  json document = json::object();
  for (const auto& [name, text] : texts) document[name] = text;
  return document;
}

// A text member of a document; "" where it is absent or of another type. The others do likewise.
inline std::string text_of(const json& document, const char* member) {
  const auto found = document.find(member);
  return found != document.end() && found->is_string() ? found->get_ref<const std::string&>() : std::string();
}

inline int number_of(const json& document, const char* member, int fallback) {
  const auto found = document.find(member);
  return found != document.end() && found->is_number() ? found->get<int>() : fallback;
}

inline bool truth_of(const json& document, const char* member) {
  const auto found = document.find(member);
  return found != document.end() && found->is_boolean() && found->get<bool>();
}

inline const json& object_of(const json& document, const char* member) {
  static const json none = json::object();
  const auto found = document.find(member);
  return found != document.end() && found->is_object() ? *found : none;
}

inline const json& array_of(const json& document, const char* member) {
  static const json none = json::array();
  const auto found = document.find(member);
  return found != document.end() && found->is_array() ? *found : none;
}

inline std::vector<std::string> texts_of(const json& document, const char* member) {
  std::vector<std::string> texts;
  for (const json& text : array_of(document, member)) texts.push_back(text.get<std::string>());
  return texts;
}

// A number that JSON has no way to write, as Python writes it: json.dumps in the SDK's script mode, str
// elsewhere.
inline std::string non_finite_text(double number, bool script) {
  if (std::isnan(number)) return script ? "NaN" : "nan";
  return std::string(number < 0 ? "-" : "") + (script ? "Infinity" : "inf");
}

}  // namespace sagemaker::detail
