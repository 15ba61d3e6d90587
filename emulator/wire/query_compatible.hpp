// A service that once spoke the query protocol and now speaks JSON and CBOR as well (CloudWatch): the same
// error has the name of its shape in the new protocols, and its old code in a header.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {

// {"__type": shape, "message": text, ...}
json query_compatible_error(const ServiceFault& fault);
// x-amzn-query-error: "InvalidParameterValue;Sender"
std::string query_error_header(const ServiceFault& fault);

// Members of answers that are times. Services give them as seconds since 1970, which is what JSON shows; CBOR
// marks them, XML spells them out.
bool is_time_member(std::string_view name);
// The document as the query protocol has it: times as text (2013-05-24T00:00:00.000Z), maps as entries.
void spell_for_query(json& document);

}  // namespace sagemaker::local::wire
