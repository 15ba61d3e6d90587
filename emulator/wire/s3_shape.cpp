// See s3_shape.hpp.
#include "emulator/wire/s3_shape.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/wire/xml_document.hpp"

namespace sagemaker::local::wire {
namespace {

using Count = S3Shape::Count;
using Kind = S3Shape::Kind;

// Recursive descent over the text of the shapes.
class ShapeReader {
 public:
  explicit ShapeReader(std::string_view text) : rest_(text) {}

  std::vector<S3Shape> read() {
    std::vector<S3Shape> shapes = items('\0');
    if (!rest_.empty()) throw std::logic_error("S3 shape: unexpected \"" + std::string(rest_) + "\"");
    return shapes;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string name() {
    const std::size_t length = std::min(rest_.find_first_of(" =?*+:{}[]@"), rest_.size());
    if (length == 0)
      throw std::logic_error("S3 shape: a name is missing before \"" + std::string(rest_) + "\"");
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return text;
  }
  std::vector<S3Shape> items(char end) {
    std::vector<S3Shape> shapes;
    while (true) {
      while (take(' ')) {
      }
      if (rest_.empty() || rest_.front() == end) return shapes;
      shapes.push_back(item());
    }
  }
  S3Shape item() {
    S3Shape shape;
    if (take('@')) {
      shape.kind = Kind::type_attribute;
      shape.member = name();
      return shape;
    }
    shape.member = shape.element = name();
    if (take('=')) shape.element = name();
    if (take('?')) {
      shape.count = Count::optional;
    } else if (take('*')) {
      shape.count = Count::any;
    } else if (take('+')) {
      shape.count = Count::some;
    }
    if (take(':')) {
      text_kind(shape);
    } else if (take('{')) {
      shape.kind = Kind::object;
      shape.children = items('}');
      close('}');
    } else if (take('[')) {
      shape.kind = Kind::list;
      shape.children = items(']');
      close(']');
      if (shape.children.size() != 1 || !shape.children.front().repeated()) {
        throw std::logic_error("S3 shape: " + shape.element + " must hold one list");
      }
    }
    return shape;
  }
  void text_kind(S3Shape& shape) {
    // Choices may hold colons ("aws:kms"): they go up to the end of the item.
    const std::size_t length = std::min(rest_.find_first_of(" }]"), rest_.size());
    std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    if (text == "integer" || text == "boolean" || text == "date") {
      shape.kind = text == "integer" ? Kind::integer : text == "boolean" ? Kind::boolean : Kind::date;
      return;
    }
    shape.kind = Kind::choice;
    while (!text.empty()) {
      const std::size_t bar = text.find('|');
      shape.choices.emplace_back(text.substr(0, bar));
      text = bar == std::string_view::npos ? std::string_view() : text.substr(bar + 1);
    }
  }
  void close(char c) {
    if (!take(c)) throw std::logic_error(std::string("S3 shape: ") + c + " is missing");
  }

  std::string_view rest_;
};

// Names without their namespace prefix.
std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

class DocumentReader {
 public:
  explicit DocumentReader(const ServiceFault& malformed) : malformed_(malformed) {}

  json object(const pugi::xml_node& node, const std::vector<S3Shape>& shapes) const {
    json document = json::object();
    for (const S3Shape& shape : shapes) {
      if (shape.kind == Kind::type_attribute) read_type(node, shape, document);
    }
    for (const pugi::xml_node& child : node.children()) {
      if (child.type() == pugi::node_element) add(child, shape_of(child, shapes), document);
    }
    for (const S3Shape& shape : shapes) {
      const bool required = shape.count == Count::one || shape.count == Count::some;
      if (required && !document.contains(shape.member)) throw malformed_;
    }
    return document;
  }

 private:
  void read_type(const pugi::xml_node& node, const S3Shape& shape, json& document) const {
    for (const pugi::xml_attribute& attribute : node.attributes()) {
      const std::string_view name = attribute.name();
      if (name.find(':') != std::string_view::npos && local_name(name) == "type") {
        document[shape.member] = attribute.value();
      }
    }
  }
  const S3Shape& shape_of(const pugi::xml_node& node, const std::vector<S3Shape>& shapes) const {
    const std::string_view name = local_name(node.name());
    const auto found = std::find_if(shapes.begin(), shapes.end(),
                                    [&](const S3Shape& shape) { return shape.element == name; });
    if (found == shapes.end()) throw malformed_;
    return *found;
  }
  void add(const pugi::xml_node& node, const S3Shape& shape, json& document) const {
    if (shape.repeated()) {
      document[shape.member].push_back(value(node, shape));
    } else {
      if (document.contains(shape.member)) throw malformed_;
      document[shape.member] = value(node, shape);
    }
  }
  json value(const pugi::xml_node& node, const S3Shape& shape) const {
    if (shape.kind == Kind::object) return object(node, shape.children);
    if (shape.kind == Kind::list) {
      json held = object(node, shape.children);
      const std::string& member = shape.children.front().member;
      return held.contains(member) ? std::move(held[member]) : json::array();
    }
    for (const pugi::xml_node& child : node.children()) {
      if (child.type() == pugi::node_element) throw malformed_;
    }
    return scalar(node.child_value(), shape);
  }
  json scalar(const std::string& text, const S3Shape& shape) const {
    if (shape.kind == Kind::integer) {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) throw malformed_;
      return number;
    }
    if (shape.kind == Kind::boolean) {
      // Some clients write the words as their own language prints them.
      const std::string lower = aws::to_lower(text);
      if (lower != "true" && lower != "false") throw malformed_;
      return lower == "true";
    }
    if (shape.kind == Kind::date) {
      const std::optional<aws::TimePoint> time = aws::parse_iso8601(text);
      if (!time) throw malformed_;
      return aws::to_epoch_ms(*time);
    }
    const bool free = shape.kind != Kind::choice;
    if (!free && std::find(shape.choices.begin(), shape.choices.end(), text) == shape.choices.end()) {
      throw malformed_;
    }
    return text;
  }

  const ServiceFault& malformed_;
};

void write_members(XmlWriter& xml, const std::vector<S3Shape>& shapes, const json& document);

void write_value(XmlWriter& xml, const S3Shape& shape, const json& value) {
  if (shape.kind == Kind::date) {
    xml.element(shape.element, aws::format_iso8601(aws::from_epoch_ms(value.get<std::int64_t>())));
  } else if (shape.kind == Kind::list) {
    xml.open(shape.element);
    for (const json& item : value) write_value(xml, shape.children.front(), item);
    xml.close();
  } else if (shape.kind == Kind::object) {
    const auto type = std::find_if(shape.children.begin(), shape.children.end(),
                                   [](const S3Shape& child) { return child.kind == Kind::type_attribute; });
    if (type != shape.children.end() && value.contains(type->member)) {
      xml.open_with_type(shape.element, value[type->member].get<std::string>());
    } else {
      xml.open(shape.element);
    }
    write_members(xml, shape.children, value);
    xml.close();
  } else {
    xml.element(shape.element, scalar_text(value));
  }
}

void write_members(XmlWriter& xml, const std::vector<S3Shape>& shapes, const json& document) {
  for (const S3Shape& shape : shapes) {
    const auto found = document.find(shape.member);
    if (found == document.end() || shape.kind == Kind::type_attribute) continue;
    if (!shape.repeated()) {
      write_value(xml, shape, *found);
      continue;
    }
    for (const json& item : *found) write_value(xml, shape, item);
  }
}

}  // namespace

std::vector<S3Shape> parse_s3_shapes(std::string_view text) { return ShapeReader(text).read(); }

json read_s3_xml(const std::string& xml, std::string_view root, const std::vector<S3Shape>& shapes,
                 const ServiceFault& malformed) {
  const pugi::xml_document document = parse_xml_document(xml, malformed);
  const pugi::xml_node top = document.document_element();
  if (local_name(top.name()) != root) throw malformed;
  return DocumentReader(malformed).object(top, shapes);
}

std::string write_s3_xml(std::string_view root, const std::vector<S3Shape>& shapes, const json& document) {
  XmlWriter xml(root);
  write_members(xml, shapes, document);
  return xml.finish();
}

}  // namespace sagemaker::local::wire
