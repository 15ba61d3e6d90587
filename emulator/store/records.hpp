// Documents by kind and name: training jobs, models, endpoints. A record is a JSON document with a few
// columns beside it for listing. Updates are read-modify-write in one transaction, so two at once cannot lose
// each other's change.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/database.hpp"

namespace sagemaker::local::store {

struct Record {
  std::string name;
  std::string arn;
  std::string status;           // "" for kinds without one
  std::int64_t created_ms = 0;  // Unix epoch
  std::int64_t modified_ms = 0;
  json document;  // what the service keeps
};

// How List* operations select and order. Empty optionals do not restrict.
struct RecordQuery {
  std::string name_contains;
  std::string name_prefix;
  std::string status_equals;
  std::optional<std::int64_t> created_after_ms, created_before_ms, modified_after_ms, modified_before_ms;
  std::function<bool(const Record&)> accept;  // what no column says; empty: every record. It may not write
  enum class SortBy { name, creation_time, status } sort_by = SortBy::creation_time;
  bool descending = true;
  int limit = 10;  // records in one page
  std::string
      next_token;  // as an earlier page gave it; pages stay stable under concurrent creates and deletes
};

struct RecordPage {
  std::vector<Record> records;
  std::string next_token;  // empty: the last page
};

class BadToken : public std::runtime_error {
 public:
  BadToken() : std::runtime_error("Invalid NextToken") {}
};

class Records {
 public:
  explicit Records(Database& database) : database_(database) {}
  static std::string_view schema();

  // `changed` is told of every record that was updated or erased, after that is stored, on the thread that
  // did it. To be set before other threads use the records.
  void observe(std::function<void(std::string_view kind, std::string_view name)> changed) {
    changed_ = std::move(changed);
  }

  bool insert(std::string_view kind, const Record& record);  // false: the name is taken
  std::optional<Record> find(std::string_view kind, std::string_view name) const;
  // Applies `change` to the stored record; nullopt where there is none. What `change` throws leaves the
  // record as it was.
  std::optional<Record> update(std::string_view kind, std::string_view name,
                               const std::function<void(Record&)>& change);
  // False: there was none. `check` is asked about the record in the same transaction, and may throw to keep
  // it.
  bool erase(std::string_view kind, std::string_view name,
             const std::function<void(const Record&)>& check = {});
  RecordPage list(std::string_view kind, const RecordQuery& query) const;  // throws BadToken
  // Every record of a kind whose status is one of these; for recovery at start.
  std::vector<Record> with_status(std::string_view kind, const std::vector<std::string>& statuses) const;
  // Every record of a kind whose name begins with `prefix`, by name.
  std::vector<Record> with_prefix(std::string_view kind, std::string_view prefix) const;

 private:
  Database& database_;
  std::function<void(std::string_view kind, std::string_view name)> changed_;
};

}  // namespace sagemaker::local::store
