// JSON documents as text: their values are copied as they are written, so that long integers, 1.0 and the
// order of members survive. All but is_json() takes text for which that holds.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagemaker::local::services::transform {

// Whether it is one JSON value, not nested too deeply for any reader (128 levels).
bool is_json(std::string_view text);

// Without white space around it and without a byte order mark.
std::string_view trim_json(std::string_view text);

bool is_object(std::string_view value);
bool is_array(std::string_view value);
// The elements of an array or the values of an object; empty for other values.
std::vector<std::string_view> elements_of(std::string_view value);
// The members of an object, in their order; the name as it is written, in quotes.
std::vector<std::pair<std::string_view, std::string_view>> members_of(std::string_view object);
// What a written name means: without quotes and escapes.
std::string name_of(std::string_view written);
// A name in quotes and with the escapes it needs.
std::string written_name(std::string_view name);

// Appends the value without white space between its parts.
void append_compact(std::string& target, std::string_view value);

}  // namespace sagemaker::local::services::transform
