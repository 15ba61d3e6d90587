// The little XML that S3 and the query protocol need: documents parsed without DTDs or entities of their own,
// and text escaped for documents that are written.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <pugixml.hpp>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker::aws {

// Throws sagemaker::Error where the text is not one XML document.
inline std::unique_ptr<pugi::xml_document> parse_xml(std::string_view text) {
  auto document = std::make_unique<pugi::xml_document>();
  const pugi::xml_parse_result result =
      document->load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
  if (!result || !document->document_element()) {
    throw Error(std::string("invalid XML at byte ") + std::to_string(result.offset) + ": " +
                result.description());
  }
  return document;
}

inline std::string xml_text(const pugi::xml_node& parent, const char* name) {
  return parent.child_value(name);
}

// Escapes markup, and control characters as XML's own clients do, so that any object key survives.
inline std::string xml_escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ') {
          escaped.append("&#").append(std::to_string(static_cast<int>(c))).append(";");
        } else {
          escaped += c;
        }
    }
  }
  return escaped;
}

}  // namespace sagemaker::aws
