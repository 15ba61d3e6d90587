#include "emulator/services/sagemaker/listing.hpp"

#include <cmath>

namespace sagemaker::local::services {
namespace {

std::optional<std::int64_t> milliseconds(const json& input, const char* member) {
  const auto found = input.find(member);
  if (found == input.end() || !found->is_number()) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(found->get<double>() * 1000.0));
}

}  // namespace

store::RecordQuery list_query(const json& input) {
  store::RecordQuery query;
  query.name_contains = input.value("NameContains", "");
  query.status_equals = input.value("StatusEquals", "");
  query.created_after_ms = milliseconds(input, "CreationTimeAfter");
  query.created_before_ms = milliseconds(input, "CreationTimeBefore");
  query.modified_after_ms = milliseconds(input, "LastModifiedTimeAfter");
  query.modified_before_ms = milliseconds(input, "LastModifiedTimeBefore");
  const std::string sort_by = input.value("SortBy", "CreationTime");
  query.sort_by = sort_by == "Name"     ? store::RecordQuery::SortBy::name
                  : sort_by == "Status" ? store::RecordQuery::SortBy::status
                                        : store::RecordQuery::SortBy::creation_time;
  query.descending = input.value("SortOrder", "Descending") == "Descending";
  query.limit = input.value("MaxResults", 10);
  query.next_token = input.value("NextToken", "");
  return query;
}

json list_records(const store::Records& records, std::string_view kind, const store::RecordQuery& query,
                  const char* member, const std::function<json(const store::Record&)>& summary) {
  store::RecordPage page;
  try {
    page = records.list(kind, query);
  } catch (const store::BadToken&) {
    throw validation_fault("Invalid pagination token given.");
  }
  json output = {{member, json::array()}};
  for (const store::Record& record : page.records) output[member].push_back(summary(record));
  if (!page.next_token.empty()) output["NextToken"] = page.next_token;
  return output;
}

json list_records(const store::Records& records, std::string_view kind, const json& input, const char* member,
                  const std::function<json(const store::Record&)>& summary, const RecordFilter& filter) {
  store::RecordQuery query = list_query(input);
  query.accept = filter;
  return list_records(records, kind, query, member, summary);
}

}  // namespace sagemaker::local::services
