// Rows of a CSV file (RFC 4180) as arrays of cells. Cells are copied as they are written, with their quotes;
// a row holds no line feed.
#pragma once

#include <string>
#include <string_view>

#include "emulator/services/sagemaker/transform/json_path.hpp"

namespace sagemaker::local::services::transform {

// The cells that `path` selects, for which selects_of_row() holds, as a row. Throws RecordError where the row
// has no such cell, or where a quote does not end.
std::string select_cells(std::string_view row, const JsonPath& path);

}  // namespace sagemaker::local::services::transform
