// The AWS query protocol (STS): a form with Action, Version and dotted parameter names in, XML out.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {

struct QueryCall {
  std::string action;   // "AssumeRole"
  std::string version;  // "2011-06-15"; empty where it is absent
  json input;  // every value is text: convert_query_values() in validation.hpp turns it into what the model
               // says
};

// A form body, or the query of a GET. Lists are A.member.N or A.N, maps A.entry.N.key and A.entry.N.value.
// Throws ServiceFault: MissingAction, MalformedInput (400).
QueryCall parse_query_call(std::string_view form);

// <ActionResponse xmlns="..."><ActionResult>...</ActionResult><ResponseMetadata>...; objects are structures,
// arrays lists of <member>, but for an array named "entry", which is a map: {"entry": [{"key", "value"},
// ...]}. A null `result` leaves the ActionResult out.
std::string render_query_response(const QueryCall& call, std::string_view xml_namespace, const json& result,
                                  std::string_view request_id);

// <ErrorResponse><Error><Type>Sender</Type><Code>...; Sender for 4xx, Receiver for 5xx.
std::string render_query_error(const ServiceFault& fault, std::string_view xml_namespace,
                               std::string_view request_id);

}  // namespace sagemaker::local::wire
