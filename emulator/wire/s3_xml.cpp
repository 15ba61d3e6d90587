#include "emulator/wire/s3_xml.hpp"

#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::wire {
namespace {

// How many bytes at the start of the text are one well-formed UTF-8 character; 0: none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 && first < 0xF5   ? 4
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xC2 && first < 0xE0 ? 2
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool beyond = (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
  return overlong || beyond ? 0 : length;
}

}  // namespace

std::string scalar_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return aws::dump_json(value);
}

XmlWriter::XmlWriter(std::string_view root, std::string_view xml_namespace) {
  out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<";
  out_.append(root);
  if (!xml_namespace.empty()) out_.append(" xmlns=\"").append(xml_namespace).append("\"");
  out_ += '>';
  open_.emplace_back(root);
}

void XmlWriter::open(std::string_view name) {
  out_.append("<").append(name).append(">");
  open_.emplace_back(name);
}

void XmlWriter::open_with_type(std::string_view name, std::string_view type) {
  out_.append("<").append(name).append(
      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"");
  escape(type);
  out_ += "\">";
  open_.emplace_back(name);
}

void XmlWriter::close() {
  out_.append("</").append(open_.back()).append(">");
  open_.pop_back();
}

void XmlWriter::element(std::string_view name, std::string_view text) {
  out_.append("<").append(name).append(">");
  escape(text);
  out_.append("</").append(name).append(">");
}

void XmlWriter::member(const json& document, const char* name) { member_as(document, name, name); }

void XmlWriter::member_as(const json& document, const char* name, std::string_view element_name) {
  const auto found = document.find(name);
  if (found != document.end()) element(element_name, scalar_text(*found));
}

void XmlWriter::time(const json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end()) return;
  element(name, aws::format_iso8601(aws::from_epoch_ms(found->get<std::int64_t>())));
}

std::string XmlWriter::finish() {
  while (!open_.empty()) close();
  return std::move(out_);
}

// Bytes that are no text become U+FFFD; control characters, which XML 1.0 cannot hold, are written as S3
// writes them.
void XmlWriter::escape(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) {
      out_ += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    const char c = text.front();
    switch (c) {
      case '&':
        out_ += "&amp;";
        break;
      case '<':
        out_ += "&lt;";
        break;
      case '>':
        out_ += "&gt;";
        break;
      case '"':
        out_ += "&quot;";
        break;
      case '\t':
      case '\n':
        out_ += c;
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out_.append("&#").append(std::to_string(static_cast<int>(c))).append(";");
        } else {
          out_.append(text.substr(0, length));
        }
    }
    text.remove_prefix(length);
  }
}

}  // namespace sagemaker::local::wire
