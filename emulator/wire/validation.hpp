// Checks a request document against the table that generate_validation_table.py makes from the official service model:
// required members, types, lengths, ranges, patterns, enumerations. Answers in AWS's words and order.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::wire {

// Whether the service model has this operation ("CreateTrainingJob"), implemented here or not.
bool known_operation(std::string_view operation);

// Throws ServiceFault: SerializationException (400) for a wrong JSON type, ValidationException (400) for broken constraints:
// "N validation error(s) detected: Value '...' at 'camelCase.path' failed to satisfy constraint: ...; Value ...".
// Unknown members are ignored, as AWS does.
void validate(std::string_view operation, const json& input);

}  // namespace sagemaker::local::wire
