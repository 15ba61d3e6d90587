// Documents on the query protocol, which knows texts only: a document becomes the parameters of a form, and
// the XML of an answer becomes a document.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pugixml.hpp>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::aws {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

namespace detail {

inline void append_parameters(QueryParameters& parameters, const std::string& name, const json& value) {
  const std::string prefix = name.empty() ? "" : name + ".";
  if (value.is_object()) {
    for (const auto& [member, child] : value.items()) append_parameters(parameters, prefix + member, child);
  } else if (value.is_array() && !value.empty()) {
    int position = 0;
    for (const json& element : value)
      append_parameters(parameters, prefix + "member." + std::to_string(++position), element);
  } else if (value.is_array()) {
    parameters.emplace_back(name, "");  // how the protocol spells an empty list
  } else if (value.is_string()) {
    parameters.emplace_back(name, value.get<std::string>());
  } else if (!value.is_null()) {
    parameters.emplace_back(name, value.dump());
  }
}

}  // namespace detail

// {"Tags": [{"Key": "a"}], "MaxItems": 5} -> Tags.member.1.Key=a, MaxItems=5. What is null is left out.
inline QueryParameters query_parameters(const json& document) {
  QueryParameters parameters;
  detail::append_parameters(parameters, "", document);
  return parameters;
}

// Elements become members, <member> elements a list, everything else text: an empty list is "" as well.
inline json query_document(const pugi::xml_node& node) {
  json list = json::array();
  json object = json::object();
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    if (std::string_view(child.name()) == "member") {
      list.push_back(query_document(child));
    } else {
      object[child.name()] = query_document(child);
    }
  }
  if (!list.empty()) return list;
  if (!object.empty()) return object;
  return node.child_value();
}

}  // namespace sagemaker::aws
