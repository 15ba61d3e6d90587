// SQLite behind two doors. There is one writing connection under a mutex, since SQLite admits one writer
// anyway and waiting on our own mutex is cheaper than its busy loop; reading connections are opened when
// first needed and kept.
#include "emulator/store/database.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace sagemaker::local::store {
namespace {

constexpr int busy_timeout_ms = 10'000;      // only another process on the same file could hold the lock
constexpr std::size_t idle_readers_max = 8;  // more are opened under load and closed behind it
constexpr std::size_t cached_statements_max = 64;  // a connection; more are finalized when they come back

// One compiled statement and whether somebody holds it.
struct Prepared {
  sqlite3_stmt* handle = nullptr;
  bool lent = false;
  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared() { sqlite3_finalize(handle); }
};

sqlite3_stmt* handle_of(void* statement) { return static_cast<Prepared*>(statement)->handle; }

[[noreturn]] void fail(sqlite3* handle, std::string_view action) {
  std::string message = "database: ";
  message.append(action).append(": ").append(handle ? sqlite3_errmsg(handle) : "out of memory");
  throw DatabaseError(message);
}

void check_bind(int code, sqlite3_stmt* statement) {
  if (code != SQLITE_OK) fail(sqlite3_db_handle(statement), "bind");
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(const std::filesystem::path& file, Durability durability, bool writer) {
    const int flags = SQLITE_OPEN_READWRITE | (writer ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
      const std::string reason = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
      sqlite3_close(handle_);
      throw DatabaseError("database: cannot open " + file.string() + ": " + reason);
    }
    try {
      configure(durability, writer);
    } catch (...) {
      sqlite3_close(handle_);
      throw;
    }
  }

  ~SqliteConnection() override {
    statements_.clear();
    sqlite3_close(handle_);
  }
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Statement prepare(std::string_view sql) override {
    const auto [first, last] = statements_.equal_range(std::string(sql));
    for (auto entry = first; entry != last; ++entry) {
      if (!entry->second->lent) return Statement(entry->second.get());
    }
    if (statements_.size() >= cached_statements_max) {
      std::erase_if(statements_, [](const auto& entry) { return !entry.second->lent; });
    }
    auto prepared = std::make_unique<Prepared>();
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared->handle, nullptr);
    if (code != SQLITE_OK) fail(handle_, "prepare");
    if (!prepared->handle) throw DatabaseError("database: prepare: the statement is empty");
    return Statement(statements_.emplace(std::string(sql), std::move(prepared))->second.get());
  }

  std::int64_t changes() const override { return sqlite3_changes64(handle_); }

  void execute(const char* sql) {
    char* text = nullptr;
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, &text) == SQLITE_OK) return;
    const std::string message = std::string("database: ") + (text ? text : sqlite3_errmsg(handle_));
    sqlite3_free(text);
    throw DatabaseError(message);
  }

  // BEGIN, COMMIT and ROLLBACK come from the statement cache: they run with every request.
  void control(std::string_view sql) { prepare(sql).run(); }
  // A commit that is written and cannot be synced is found by whoever opens the file after a crash.
  void commit() {
    try {
      control("COMMIT");
    } catch (const DatabaseError& error) {
      constexpr int primary_code = 0xff;
      if ((sqlite3_extended_errcode(handle_) & primary_code) == SQLITE_IOERR)
        throw UnknownOutcome(error.what());
      throw;
    }
  }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

 private:
  void configure(Durability durability, bool writer) {
    sqlite3_busy_timeout(handle_, busy_timeout_ms);
    sqlite3_extended_result_codes(handle_, 1);
    if (writer) {
      execute("PRAGMA journal_mode = WAL");
      execute(durability == Durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
      execute("PRAGMA journal_size_limit = 16777216");
      execute("PRAGMA cache_size = -2048");
    } else {
      execute("PRAGMA query_only = ON");
      execute("PRAGMA cache_size = -512");  // KiB; the operating system caches the file anyway
    }
    execute("PRAGMA temp_store = MEMORY");
  }

  sqlite3* handle_ = nullptr;
  std::unordered_multimap<std::string, std::unique_ptr<Prepared>> statements_;
};

}  // namespace

Statement::Statement(void* statement) : statement_(statement) {
  static_cast<Prepared*>(statement)->lent = true;
}

Statement::~Statement() {
  if (!statement_) return;
  sqlite3_reset(handle_of(statement_));
  sqlite3_clear_bindings(handle_of(statement_));
  static_cast<Prepared*>(statement_)->lent = false;
}

Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::bind(int index, std::int64_t value) {
  check_bind(sqlite3_bind_int64(handle_of(statement_), index, value), handle_of(statement_));
  return *this;
}

Statement& Statement::bind(int index, double value) {
  check_bind(sqlite3_bind_double(handle_of(statement_), index, value), handle_of(statement_));
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  const char* data = text.data() ? text.data() : "";  // a null pointer would bind NULL
  check_bind(
      sqlite3_bind_text64(handle_of(statement_), index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8),
      handle_of(statement_));
  return *this;
}

Statement& Statement::bind(int index, std::nullptr_t) {
  check_bind(sqlite3_bind_null(handle_of(statement_), index), handle_of(statement_));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_of(statement_));
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(sqlite3_db_handle(handle_of(statement_)), "step");
  return false;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_of(statement_), column);
}

double Statement::real(int column) const { return sqlite3_column_double(handle_of(statement_), column); }

std::string Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(handle_of(statement_), column);
  const int size = sqlite3_column_bytes(handle_of(statement_), column);
  return data ? std::string(data, data + size) : std::string();
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_of(statement_), column) == SQLITE_NULL;
}

class Database::Implementation {
 public:
  Implementation(const std::filesystem::path& file, std::string_view schema, Durability durability)
      : file_(file), durability_(durability), writer_(file, durability, true) {
    writer_.execute(std::string(schema).c_str());
  }

  void write(const std::function<void(Connection&)>& work) {
    if (writing_thread_.load() == std::this_thread::get_id()) {
      throw std::logic_error("database: write() within write()");
    }
    const std::lock_guard lock(writer_mutex_);
    writing_thread_ = std::this_thread::get_id();
    const struct Release {
      std::atomic<std::thread::id>& thread;
      ~Release() { thread = std::thread::id(); }
    } release{writing_thread_};
    transaction(writer_, "BEGIN IMMEDIATE", work);
  }

  void read(const std::function<void(Connection&)>& work) {
    std::unique_ptr<SqliteConnection> reader = borrow();
    transaction(*reader, "BEGIN", work);  // a connection whose work threw is simply closed
    const std::lock_guard lock(readers_mutex_);
    if (readers_.size() < idle_readers_max) readers_.push_back(std::move(reader));
  }

 private:
  static void transaction(SqliteConnection& connection, std::string_view begin,
                          const std::function<void(Connection&)>& work) {
    connection.control(begin);
    try {
      work(connection);
      connection.commit();
    } catch (...) {
      // SQLite has rolled back by itself after some errors (a full disk); a second rollback would fail.
      if (connection.in_transaction()) {
        try {
          connection.control("ROLLBACK");
        } catch (const DatabaseError&) {
          // The first exception says what went wrong.
        }
      }
      throw;
    }
  }

  std::unique_ptr<SqliteConnection> borrow() {
    {
      const std::lock_guard lock(readers_mutex_);
      if (!readers_.empty()) {
        std::unique_ptr<SqliteConnection> reader = std::move(readers_.back());
        readers_.pop_back();
        return reader;
      }
    }
    return std::make_unique<SqliteConnection>(file_, durability_, false);
  }

  std::filesystem::path file_;
  Durability durability_;
  std::mutex writer_mutex_;
  std::atomic<std::thread::id> writing_thread_{};
  // The writer closes last: it folds the write-ahead log back into the file.
  SqliteConnection writer_;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> readers_;
};

Database::Database(const std::filesystem::path& file, std::string_view schema, Durability durability) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  implementation_ = std::make_unique<Implementation>(file, schema, durability);
}

Database::~Database() = default;

void Database::write(const std::function<void(Connection&)>& work) { implementation_->write(work); }

void Database::read(const std::function<void(Connection&)>& work) const { implementation_->read(work); }

}  // namespace sagemaker::local::store
