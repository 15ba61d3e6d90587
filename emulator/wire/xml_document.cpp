// See xml_document.hpp.
#include "emulator/wire/xml_document.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "emulator/utf8.hpp"

namespace sagemaker::local::wire {
namespace {

// "amp", "#13", "#xd": what stands between & and ;
bool is_reference(std::string_view name) {
  constexpr std::array<std::string_view, 5> entities{"amp", "lt", "gt", "quot", "apos"};
  if (!name.starts_with('#')) return std::find(entities.begin(), entities.end(), name) != entities.end();
  name.remove_prefix(1);
  const int base = name.starts_with('x') ? 16 : 10;
  if (base == 16) name.remove_prefix(1);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code, base);
  if (error != std::errc() || end != name.data() + name.size()) return false;
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

// Every & outside of sections that hold no references begins one that XML knows without a document type.
bool references_are_known(std::string_view xml) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> sections{
      {{"<![CDATA[", "]]>"}, {"<!--", "-->"}, {"<?", "?>"}}};
  for (std::size_t at = 0; (at = xml.find_first_of("&<", at)) != std::string_view::npos; ++at) {
    const std::string_view rest = xml.substr(at);
    if (rest.front() == '&') {
      const std::size_t end = rest.find(';');
      if (end == std::string_view::npos || !is_reference(rest.substr(1, end - 1))) return false;
      continue;
    }
    for (const auto& [begin, end] : sections) {
      if (!rest.starts_with(begin)) continue;
      at = xml.find(end, at + begin.size());
      if (at == std::string_view::npos) return true;  // the parser says what it thinks of that
      break;
    }
  }
  return true;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

bool is_single_element(const pugi::xml_document& document) {
  int elements = 0;
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() == pugi::node_doctype || node.type() == pugi::node_cdata) return false;
    if (node.type() == pugi::node_pcdata && !is_blank(node.value())) return false;
    if (node.type() == pugi::node_element) ++elements;
  }
  return elements == 1;
}

}  // namespace

pugi::xml_document parse_xml_document(const std::string& xml, const ServiceFault& malformed) {
  const bool control = std::any_of(xml.begin(), xml.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  if (control || !is_utf8(xml) || !references_are_known(xml)) throw malformed;
  pugi::xml_document document;
  // A key may consist of blanks, so white space between two tags of the same element counts. What else stands
  // beside the root element is kept, to be refused.
  const unsigned int options =
      pugi::parse_default | pugi::parse_ws_pcdata_single | pugi::parse_doctype | pugi::parse_fragment;
  if (!document.load_buffer(xml.data(), xml.size(), options, pugi::encoding_utf8)) throw malformed;
  if (!is_single_element(document)) throw malformed;
  return document;
}

}  // namespace sagemaker::local::wire
