// What all List* operations have in common: filters, order and pages from the request; summaries into the
// response.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

// Reads NameContains, StatusEquals, CreationTimeAfter/Before, LastModifiedTimeAfter/Before, SortBy,
// SortOrder, MaxResults, NextToken. Order and page size of the API: newest first, 10 a page.
store::RecordQuery list_query(const json& input);

using RecordFilter = std::function<bool(const store::Record&)>;

// {`member`: [summary of each record], "NextToken": ...}. ValidationException for a token that is none.
json list_records(const store::Records& records, std::string_view kind, const store::RecordQuery& query,
                  const char* member, const std::function<json(const store::Record&)>& summary);
json list_records(const store::Records& records, std::string_view kind, const json& input, const char* member,
                  const std::function<json(const store::Record&)>& summary, const RecordFilter& filter = {});

}  // namespace sagemaker::local::services
