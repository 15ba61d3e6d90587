// Records in one table. Pages continue behind the sort key of the last record of the page before, so that
// records that come and go between two pages neither repeat nor hide others.
#include "emulator/store/records.hpp"

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::store {
namespace {

constexpr std::string_view columns = "id, name, arn, status, created_ms, modified_ms, document";
constexpr int document_depth_max = 512;  // stored documents may nest one inside another

Record record_of(const Statement& row) {
  Record record;
  record.name = row.text(1);
  record.arn = row.text(2);
  record.status = row.text(3);
  record.created_ms = row.integer(4);
  record.modified_ms = row.integer(5);
  record.document = aws::parse_json(row.text(6), document_depth_max);
  return record;
}

std::string select_from(std::string_view rest) {
  return std::string("SELECT ").append(columns).append(" FROM records ").append(rest);
}

std::string_view sort_column(RecordQuery::SortBy sort_by) {
  switch (sort_by) {
    case RecordQuery::SortBy::name:
      return "name";
    case RecordQuery::SortBy::status:
      return "status";
    case RecordQuery::SortBy::creation_time:
      break;
  }
  return "created_ms";
}

// Where a page ended: the sort value and the row id of its last record.
struct Position {
  json value;
  std::int64_t id = 0;
};

std::string token_of(std::string_view kind, const RecordQuery& query, const Position& position) {
  const json token = {kind, sort_column(query.sort_by), query.descending, position.value, position.id};
  return aws::base64_encode(aws::dump_json(token));
}

// A token belongs to the listing that gave it out: the same kind and the same order.
Position position_of(std::string_view kind, const RecordQuery& query) {
  const std::optional<std::string> text = aws::base64_decode(query.next_token);
  if (!text) throw BadToken();
  json token;
  try {
    token = aws::parse_json(*text, 4);
  } catch (const aws::JsonError&) {
    throw BadToken();
  }
  const bool by_time = query.sort_by == RecordQuery::SortBy::creation_time;
  const bool well_formed =
      token.is_array() && token.size() == 5 && token[0] == json(kind) &&
      token[1] == json(sort_column(query.sort_by)) && token[2] == json(query.descending) &&
      (by_time ? token[3].is_number_integer() : token[3].is_string()) && token[4].is_number_integer();
  if (!well_formed) throw BadToken();
  return {token[3], token[4].get<std::int64_t>()};
}

// The WHERE clause of a query and what is bound to its parameters, in order.
class Conditions {
 public:
  void add(std::string_view sql, json value) {
    text_.append(text_.empty() ? "WHERE " : " AND ").append(sql);
    values_.push_back(std::move(value));
  }
  void more(json value) { values_.push_back(std::move(value)); }
  const std::string& text() const { return text_; }
  void bind_to(Statement& statement) const {
    int index = 0;
    for (const json& value : values_) {
      ++index;
      if (value.is_string()) {
        statement.bind(index, value.get_ref<const std::string&>());
      } else {
        statement.bind(index, value.get<std::int64_t>());
      }
    }
  }

 private:
  std::string text_;
  std::vector<json> values_;
};

// The least text behind all that begin with `prefix`, so that an index finds these. Names are ASCII.
std::string behind_prefix(std::string_view prefix) {
  std::string behind(prefix);
  behind.back() = static_cast<char>(behind.back() + 1);
  return behind;
}

Conditions conditions_of(std::string_view kind, const RecordQuery& query) {
  Conditions conditions;
  conditions.add("kind = ?", kind);
  if (!query.name_prefix.empty()) {
    conditions.add("name >= ?", query.name_prefix);
    conditions.add("name < ?", behind_prefix(query.name_prefix));
  }
  if (!query.name_contains.empty()) conditions.add("instr(name, ?) > 0", query.name_contains);
  if (!query.status_equals.empty()) conditions.add("status = ?", query.status_equals);
  if (query.created_after_ms) conditions.add("created_ms > ?", *query.created_after_ms);
  if (query.created_before_ms) conditions.add("created_ms < ?", *query.created_before_ms);
  if (query.modified_after_ms) conditions.add("modified_ms > ?", *query.modified_after_ms);
  if (query.modified_before_ms) conditions.add("modified_ms < ?", *query.modified_before_ms);
  if (!query.next_token.empty()) {
    const Position position = position_of(kind, query);
    std::string behind = "(";
    behind.append(sort_column(query.sort_by)).append(query.descending ? ", id) < (?, ?)" : ", id) > (?, ?)");
    conditions.add(behind, position.value);
    conditions.more(position.id);
  }
  return conditions;
}

}  // namespace

std::string_view Records::schema() {
  return R"sql(
    CREATE TABLE IF NOT EXISTS records (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      arn TEXT NOT NULL,
      status TEXT NOT NULL,
      created_ms INTEGER NOT NULL,
      modified_ms INTEGER NOT NULL,
      document TEXT NOT NULL,
      UNIQUE (kind, name));
    CREATE INDEX IF NOT EXISTS records_by_time ON records (kind, created_ms, id);
    CREATE INDEX IF NOT EXISTS records_by_status ON records (kind, status, id);
  )sql";
}

bool Records::insert(std::string_view kind, const Record& record) {
  const std::string document = aws::dump_json(record.document);
  bool inserted = false;
  database_.write([&](Connection& connection) {
    connection
        .prepare(
            "INSERT INTO records (kind, name, arn, status, created_ms, modified_ms, document) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, name) DO NOTHING")
        .bind(1, kind)
        .bind(2, record.name)
        .bind(3, record.arn)
        .bind(4, record.status)
        .bind(5, record.created_ms)
        .bind(6, record.modified_ms)
        .bind(7, document)
        .run();
    inserted = connection.changes() == 1;
  });
  return inserted;
}

std::optional<Record> Records::find(std::string_view kind, std::string_view name) const {
  std::optional<Record> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(select_from("WHERE kind = ? AND name = ?"));
    if (row.bind(1, kind).bind(2, name).step()) found = record_of(row);
  });
  return found;
}

std::optional<Record> Records::update(std::string_view kind, std::string_view name,
                                      const std::function<void(Record&)>& change) {
  std::optional<Record> found;
  database_.write([&](Connection& connection) {
    std::int64_t id = 0;
    {
      Statement row = connection.prepare(select_from("WHERE kind = ? AND name = ?"));
      if (!row.bind(1, kind).bind(2, name).step()) return;
      id = row.integer(0);
      found = record_of(row);
    }
    change(*found);
    connection
        .prepare(
            "UPDATE records SET name = ?, arn = ?, status = ?, created_ms = ?, modified_ms = ?, document = ? "
            "WHERE id = ?")
        .bind(1, found->name)
        .bind(2, found->arn)
        .bind(3, found->status)
        .bind(4, found->created_ms)
        .bind(5, found->modified_ms)
        .bind(6, aws::dump_json(found->document))
        .bind(7, id)
        .run();
  });
  if (found && changed_) changed_(kind, name);
  return found;
}

bool Records::erase(std::string_view kind, std::string_view name,
                    const std::function<void(const Record&)>& check) {
  bool erased = false;
  database_.write([&](Connection& connection) {
    if (check) {
      Statement row = connection.prepare(select_from("WHERE kind = ? AND name = ?"));
      if (!row.bind(1, kind).bind(2, name).step()) return;
      check(record_of(row));
    }
    connection.prepare("DELETE FROM records WHERE kind = ? AND name = ?").bind(1, kind).bind(2, name).run();
    erased = connection.changes() == 1;
  });
  if (erased && changed_) changed_(kind, name);
  return erased;
}

RecordPage Records::list(std::string_view kind, const RecordQuery& query) const {
  const Conditions conditions = conditions_of(kind, query);
  const std::string column(sort_column(query.sort_by));
  const std::string direction = query.descending ? " DESC" : " ASC";
  const std::string sql =
      select_from(conditions.text() + " ORDER BY " + column + direction + ", id" + direction +
                  (query.accept ? "" : " LIMIT " + std::to_string(query.limit + 1)));
  RecordPage page;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(sql);
    conditions.bind_to(row);
    std::int64_t last_id = 0;
    while (row.step()) {
      if (query.accept && !query.accept(record_of(row))) continue;
      if (static_cast<int>(page.records.size()) ==
          query.limit) {  // one more than asked: there is a next page
        if (page.records.empty()) return;
        const Record& last = page.records.back();
        Position position{last.created_ms, last_id};
        if (query.sort_by == RecordQuery::SortBy::name) position.value = last.name;
        if (query.sort_by == RecordQuery::SortBy::status) position.value = last.status;
        page.next_token = token_of(kind, query, position);
        return;
      }
      last_id = row.integer(0);
      page.records.push_back(record_of(row));
    }
  });
  return page;
}

std::vector<Record> Records::with_status(std::string_view kind,
                                         const std::vector<std::string>& statuses) const {
  std::vector<Record> records;
  database_.read([&](Connection& connection) {
    for (const std::string& status : statuses) {
      Statement row = connection.prepare(select_from("WHERE kind = ? AND status = ? ORDER BY id"));
      row.bind(1, kind).bind(2, status);
      while (row.step()) records.push_back(record_of(row));
    }
  });
  return records;
}

std::vector<Record> Records::with_prefix(std::string_view kind, std::string_view prefix) const {
  std::vector<Record> records;
  database_.read([&](Connection& connection) {
    Statement row =
        connection.prepare(select_from("WHERE kind = ? AND name >= ? AND name < ? ORDER BY name"));
    row.bind(1, kind).bind(2, prefix).bind(3, behind_prefix(prefix));
    while (row.step()) records.push_back(record_of(row));
  });
  return records;
}

}  // namespace sagemaker::local::store
