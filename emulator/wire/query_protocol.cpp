#include "emulator/wire/query_protocol.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include <sagemaker/aws/uri.hpp>

#include "emulator/utf8.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr int nesting_max = 32;  // segments of one parameter name; STS needs four
// Each becomes a node, which takes fifty times the bytes that a short one comes in, and that before it is
// known who asks. The largest PutMetricData that can be sent has fewer.
constexpr std::ptrdiff_t parameters_max = 120'000;

[[noreturn]] void malformed(const std::string& message) {
  throw ServiceFault("MalformedInput", 400, message);
}

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The parameters as a tree, by the segments of their names.
struct Node {
  std::optional<std::string> value;
  std::map<std::string, Node, std::less<>> children;

  bool indexed() const {
    return !children.empty() && std::all_of(children.begin(), children.end(),
                                            [](const auto& child) { return is_index(child.first); });
  }
};

void insert(Node& root, std::string_view name, std::string value) {
  Node* node = &root;
  std::string_view rest = name;
  for (int depth = 0;; ++depth) {
    if (depth == nesting_max) malformed("Parameter " + std::string(name) + " is nested too deeply");
    const std::size_t dot = rest.find('.');
    node = &node->children[std::string(rest.substr(0, dot))];
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  node->value = std::move(value);
}

json to_document(const Node& node);

std::vector<const Node*> in_order(const Node& list) {
  std::map<std::uint32_t, const Node*> sorted;
  for (const auto& [index, child] : list.children)
    sorted[static_cast<std::uint32_t>(std::stoul(index))] = &child;
  std::vector<const Node*> nodes;
  for (const auto& [index, child] : sorted) nodes.push_back(child);
  return nodes;
}

json to_list(const Node& list) {
  json elements = json::array();
  for (const Node* child : in_order(list)) elements.push_back(to_document(*child));
  return elements;
}

std::optional<json> to_map(const Node& entries) {
  json map = json::object();
  for (const Node* entry : in_order(entries)) {
    const auto key = entry->children.find("key");
    const auto value = entry->children.find("value");
    if (key == entry->children.end() || value == entry->children.end() || !key->second.value)
      return std::nullopt;
    map[*key->second.value] = to_document(value->second);
  }
  return map;
}

json to_document(const Node& node) {
  if (node.children.empty()) return node.value.value_or("");
  if (node.value) malformed("A value found where a structure, a list or a map begins");
  if (node.indexed()) return to_list(node);
  if (node.children.size() == 1) {
    const auto& [name, only] = *node.children.begin();
    if (name == "member" && only.indexed()) return to_list(only);
    if (name == "entry" && only.indexed()) {
      if (auto map = to_map(only)) return *std::move(map);
    }
  }
  json structure = json::object();
  for (const auto& [name, child] : node.children) structure[name] = to_document(child);
  return structure;
}

// Text of a client may hold bytes that are no UTF-8; they would make every answer that quotes it unreadable.
std::string valid_utf8(const std::string& text) {
  if (is_utf8(text)) return text;
  return json::parse(aws::dump_json(text)).get<std::string>();
}

void append_text(std::string& xml, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        xml += "&amp;";
        break;
      case '<':
        xml += "&lt;";
        break;
      case '>':
        xml += "&gt;";
        break;
      case '"':
        xml += "&quot;";
        break;
      case '\r':
        xml += "&#xD;";
        break;  // a parser would make a line feed of it
      case '\n':
      case '\t':
        xml += c;
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          xml += "\xEF\xBF\xBD";  // XML 1.0 has no way to write control characters
        } else {
          xml += c;
        }
    }
  }
}

void append_element(std::string& xml, std::string_view name, const json& value);

void append_content(std::string& xml, const json& value) {
  if (value.is_object()) {
    for (const auto& [name, child] : value.items()) append_element(xml, name, child);
  } else if (value.is_array()) {
    for (const json& child : value) append_element(xml, "member", child);
  } else if (value.is_string()) {
    append_text(xml, value.get_ref<const std::string&>());
  } else {
    xml += value.dump();
  }
}

void append_element(std::string& xml, std::string_view name, const json& value) {
  if (value.is_null()) return;
  if (name == "entry" && value.is_array()) {
    for (const json& entry : value) append_element(xml, name, entry);
    return;
  }
  xml.append("<").append(name).append(">");
  append_content(xml, value);
  xml.append("</").append(name).append(">");
}

std::string open_root(std::string_view name, std::string_view xml_namespace) {
  std::string xml("<");
  xml.append(name).append(" xmlns=\"");
  append_text(xml, xml_namespace);
  return xml + "\">";
}

}  // namespace

QueryCall parse_query_call(std::string_view form) {
  if (std::count(form.begin(), form.end(), '&') >= parameters_max)
    malformed("There are more than " + std::to_string(parameters_max) + " parameters");
  QueryCall call;
  Node root;
  for (auto& [name, value] : aws::parse_query(form)) {
    if (name.empty()) continue;
    if (name == "Action") {
      call.action = valid_utf8(value);
    } else if (name == "Version") {
      call.version = valid_utf8(value);
    } else {
      insert(root, valid_utf8(name), valid_utf8(value));
    }
  }
  if (call.action.empty()) {
    throw ServiceFault("MissingAction", 400, "The request is missing an action or a required parameter.");
  }
  // The top level is the input structure, whatever its members are called.
  call.input = json::object();
  for (const auto& [name, child] : root.children) call.input[name] = to_document(child);
  return call;
}

std::string render_query_response(const QueryCall& call, std::string_view xml_namespace, const json& result,
                                  std::string_view request_id) {
  std::string xml = open_root(call.action + "Response", xml_namespace);
  append_element(xml, call.action + "Result", result);
  append_element(xml, "ResponseMetadata", {{"RequestId", request_id}});
  return xml + "</" + call.action + "Response>";
}

std::string render_query_error(const ServiceFault& fault, std::string_view xml_namespace,
                               std::string_view request_id) {
  std::string xml = open_root("ErrorResponse", xml_namespace) + "<Error>";
  append_element(xml, "Type", fault.http_status() >= 500 ? "Receiver" : "Sender");
  append_element(xml, "Code", fault.code());
  append_element(xml, "Message", fault.message());
  if (fault.fields().is_object()) append_content(xml, fault.fields());
  xml += "</Error>";
  append_element(xml, "RequestId", request_id);
  return xml + "</ErrorResponse>";
}

}  // namespace sagemaker::local::wire
