// The form of an XML document of S3 that is read and written back alike, as one line of text:
//
//   Name            an element with text, exactly once
//   Name?           at most once
//   Name* Name+     any number of times, or at least once: a list
//   Member=Name     an element that is called otherwise than the member of the JSON document
//   Name:integer    its text is a number; also :boolean, :date (milliseconds in JSON) and :A|B|C, one of
//   these Name{...}       an element with elements of its own: an object Name[Item*]     an element that
//   holds nothing but a list
//   @Type           not an element but the attribute xsi:type
//
// So CORSRules=CORSRule+{ID? AllowedMethods=AllowedMethod+ MaxAgeSeconds?:integer} says all that there is to
// say about one rule.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/s3_xml.hpp"

namespace sagemaker::local::wire {

struct S3Shape {
  enum class Count { one, optional, any, some };
  enum class Kind { text, integer, boolean, date, choice, object, list, type_attribute };

  std::string member;   // in JSON
  std::string element;  // in XML
  Count count = Count::one;
  Kind kind = Kind::text;
  std::vector<std::string> choices;
  std::vector<S3Shape> children;

  bool repeated() const { return count == Count::any || count == Count::some; }
};

// Throws std::logic_error for a text that is not of the form above.
std::vector<S3Shape> parse_s3_shapes(std::string_view text);

// The document in the XML. Throws `malformed` where the XML has another root or form.
json read_s3_xml(const std::string& xml, std::string_view root, const std::vector<S3Shape>& shapes,
                 const ServiceFault& malformed);
// The XML of a document; members without a shape are left out.
std::string write_s3_xml(std::string_view root, const std::vector<S3Shape>& shapes, const json& document);

}  // namespace sagemaker::local::wire
