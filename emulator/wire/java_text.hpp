// How AWS's front end, which is written in Java, prints the value that a validation message complains about.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/wire/validation_table.hpp"

namespace sagemaker::local::wire {

// "text", "5", "0.5", "[a, b]", "{k=v}", "Name(member=value, other=null)"; cut after 32 KiB. `value` is of
// the shape's type.
std::string java_text(const json& value, const table::Shape& shape);

// A bound of a number or a length: "100"; "1.0" where the number is a floating point one.
std::string java_number(double number, bool floating_point);

}  // namespace sagemaker::local::wire
