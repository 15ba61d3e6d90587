// See csv_row.hpp.
#include "emulator/services/sagemaker/transform/csv_row.hpp"

#include <vector>

#include "emulator/services/sagemaker/transform/record_error.hpp"

namespace sagemaker::local::services::transform {
namespace {

constexpr std::size_t npos = std::string_view::npos;

// The position behind the cell that begins at `begin`: of a comma, or the end of the row.
std::size_t cell_end(std::string_view row, std::size_t begin) {
  std::size_t from = begin;
  if (begin < row.size() && row[begin] == '"') {
    // The quote that ends it is one that no other one follows.
    for (from = begin + 1;; from += 2) {
      from = row.find('"', from);
      if (from == npos) throw RecordError("A quoted cell of a CSV row does not end");
      if (from + 1 == row.size() || row[from + 1] != '"') break;
    }
  }
  const std::size_t comma = row.find(',', from);
  return comma == npos ? row.size() : comma;
}

// Where each cell begins, and behind them where a further one would.
std::vector<std::size_t> cell_starts(std::string_view row) {
  std::vector<std::size_t> starts;
  starts.reserve(row.size() / 2 + 2);
  starts.push_back(0);
  if (row.find('"') == npos) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == ',') starts.push_back(i + 1);
    }
    starts.push_back(row.size() + 1);
    return starts;
  }
  while (starts.back() <= row.size()) starts.push_back(cell_end(row, starts.back()) + 1);
  return starts;
}

// `$[N:]`, where no cell behind the first N has to be looked at; npos: this row has fewer.
std::size_t start_of_rest(std::string_view row, std::int64_t skipped) {
  std::size_t start = 0;
  for (std::int64_t i = 0; i < skipped; ++i) {
    const std::size_t comma = row.find(',', start);
    if (comma == npos) return npos;
    start = comma + 1;
  }
  return start;
}

}  // namespace

std::string select_cells(std::string_view row, const JsonPath& path) {
  if (path.is_root() || path.steps()[0].kind == JsonPath::Step::Kind::all) return std::string(row);
  const std::vector<JsonPath::Range>& ranges = path.steps()[0].ranges;
  const JsonPath::Range& only = ranges.front();
  if (ranges.size() == 1 && only.first.value_or(-1) >= 0 && !only.last && row.find('"') == npos) {
    const std::size_t start = start_of_rest(row, *only.first);
    if (start != npos) return std::string(row.substr(start));
  }
  const std::vector<std::size_t> starts = cell_starts(row);
  std::string selected;
  bool first_cell = true;
  for (const JsonPath::Range& range : ranges) {
    const auto [first, end] = path.within(range, starts.size() - 1);
    if (first == end) continue;
    if (!first_cell) selected += ',';
    first_cell = false;
    selected.append(row.substr(starts[first], starts[end] - 1 - starts[first]));
  }
  return selected;
}

}  // namespace sagemaker::local::services::transform
