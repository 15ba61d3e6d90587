// Checks a request document against the table that generate_validation_table.py makes from the official
// service model: required members, types, lengths, ranges, patterns, enumerations. Answers in AWS's words and
// order.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/operation.hpp"

namespace sagemaker::local::wire {

// The services whose requests the table describes, in the generator's order.
enum class Model { sagemaker, logs, sts, iam, metrics, autoscaling };

// Whether the service model has this operation ("CreateTrainingJob"), implemented here or not. For logs, iam
// and metrics the table holds the implemented ones only.
bool known_operation(std::string_view operation);
bool known_operation(Model model, std::string_view operation);

// Throws ServiceFault: SerializationException (400) for a wrong JSON type, ValidationException (400) for
// broken constraints: "N validation error(s) detected: Value '...' at 'camelCase.path' failed to satisfy
// constraint: ...; Value ...". Unknown members are ignored, as AWS does. At most ten errors are listed. For
// logs the code is InvalidParameterException, for sts and iam ValidationError, with the same words.
void validate(std::string_view operation, const json& input);
void validate(Model model, std::string_view operation, const json& input);

// Removes members, elements and map values that are null: for AWS they are not there. Call it behind
// validate(), so that operations need not think of null.
void drop_nulls(json& document);

// The query protocol sends every value as text: turns what the model says is a number, a boolean or a
// timestamp into one. Throws ServiceFault MalformedInput (400) for text that is none. Members that the model
// does not know stay.
void convert_query_values(Model model, std::string_view operation, json& input);

// The same operations, each with its input validated and freed of nulls, of unknown members and of the
// fractions of integers first, which AWS's services cut off. Where the input came as a form,
// convert_query_values() goes before it.
OperationTable checked(Model model, OperationTable operations);

}  // namespace sagemaker::local::wire
