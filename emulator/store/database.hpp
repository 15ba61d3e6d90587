// SQLite in WAL mode behind two doors: write() runs a transaction on the one writing connection, read()
// borrows one of a few reading connections. Statements are prepared once a connection. Errors throw
// DatabaseError with SQLite's text.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sagemaker::local::store {

class DatabaseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The disk failed while the transaction was made to last: whether it came about shows only when the file is
// opened the next time. Up to then it counts as one that did not.
class UnknownOutcome : public DatabaseError {
 public:
  using DatabaseError::DatabaseError;
};

// full: an acknowledged write survives power loss (WAL synced at every commit). process: it survives kill -9
// only.
enum class Durability { full, process };

// A prepared statement in use; parameters are numbered from 1, columns from 0. Reset when it goes out of
// scope.
class Statement {
 public:
  explicit Statement(void* statement);
  ~Statement();
  Statement(Statement&&) noexcept;
  Statement(const Statement&) = delete;
  Statement& bind(int index, std::int64_t value);
  template <std::integral Integer>  // int, size_t...: without it a call would be ambiguous with double
  Statement& bind(int index, Integer value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::nullptr_t);
  bool step();  // true: a row is there
  void run() {
    while (step()) {
    }
  }
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  void* statement_;
};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual Statement prepare(std::string_view sql) = 0;  // cached by text
  virtual std::int64_t changes() const = 0;
};

class Database {
 public:
  // Opens or creates the file; `schema` is run once at open (CREATE TABLE IF NOT EXISTS ...).
  Database(const std::filesystem::path& file, std::string_view schema, Durability durability);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One transaction: committed when `work` returns, rolled back when it throws. Throws UnknownOutcome where
  // committing it failed halfway. Not to be nested within itself: that throws std::logic_error.
  void write(const std::function<void(Connection&)>& work);
  // A consistent snapshot for reading; runs beside writers.
  void read(const std::function<void(Connection&)>& work) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::store
