// Writing XML as S3 does: one line, no indentation, every value escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::wire {

inline constexpr std::string_view s3_namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

class XmlWriter {
 public:
  // Begins with the declaration and the root element.
  explicit XmlWriter(std::string_view root, std::string_view xml_namespace = s3_namespace);

  void open(std::string_view name);
  // <NAME xmlns:xsi="..." xsi:type="TYPE">, the one place where S3 uses an attribute.
  void open_with_type(std::string_view name, std::string_view type);
  void close();
  void element(std::string_view name, std::string_view text);
  // A member of a document where it is there: texts as they are, numbers and truth values in XML's form.
  void member(const json& document, const char* name);
  void member_as(const json& document, const char* name, std::string_view element_name);
  void time(const json& document, const char* name);  // milliseconds as 2013-05-24T00:00:00.000Z
  std::string finish();                               // closes what is open

 private:
  void escape(std::string_view text);

  std::string out_;
  std::vector<std::string> open_;
};

// The text of a value that is no object or array.
std::string scalar_text(const json& value);

}  // namespace sagemaker::local::wire
