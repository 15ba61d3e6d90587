// The database's promises: transactions whole or not at all, snapshots for readers, what was committed
// survives.
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/store/database.hpp"
#include "tests/support/support.hpp"

using sagemaker::local::store::Connection;
using sagemaker::local::store::Database;
using sagemaker::local::store::DatabaseError;
using sagemaker::local::store::Durability;
using sagemaker::local::store::Statement;
using sagemaker::tests::TemporaryDirectory;

namespace {

constexpr const char* schema = "CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER)";

void put(Connection& connection, const std::string& name, std::int64_t value) {
  connection.prepare("INSERT OR REPLACE INTO numbers VALUES (?, ?)").bind(1, name).bind(2, value).run();
}

std::int64_t count(const Database& database) {
  std::int64_t rows = 0;
  database.read([&](Connection& connection) {
    Statement row = connection.prepare("SELECT COUNT(*) FROM numbers");
    if (row.step()) rows = row.integer(0);
  });
  return rows;
}

}  // namespace

TEST_CASE("what a write transaction did is there after reopening the file") {
  const TemporaryDirectory directory;
  {
    Database database(directory / "deep/folder/data.db", schema, Durability::full);
    database.write([](Connection& connection) { put(connection, "a", 1); });
  }
  const Database database(directory / "deep/folder/data.db", schema, Durability::full);
  CHECK(count(database) == 1);
}

TEST_CASE("an exception rolls the whole transaction back and passes through") {
  const TemporaryDirectory directory;
  Database database(directory / "data.db", schema, Durability::process);
  CHECK_THROWS_AS(database.write([](Connection& connection) {
    put(connection, "a", 1);
    throw std::out_of_range("stop");
  }),
                  std::out_of_range);
  CHECK(count(database) == 0);
  database.write([](Connection& connection) { put(connection, "b", 2); });
  CHECK(count(database) == 1);
}

TEST_CASE("a reader keeps its snapshot while a writer commits") {
  const TemporaryDirectory directory;
  Database database(directory / "data.db", schema, Durability::process);
  database.read([&](Connection& connection) {
    const auto rows = [&] {
      Statement row = connection.prepare("SELECT COUNT(*) FROM numbers");
      row.step();
      return row.integer(0);
    };
    CHECK(rows() == 0);
    database.write([](Connection& writer) { put(writer, "a", 1); });
    CHECK(rows() == 0);
  });
  CHECK(count(database) == 1);
}

TEST_CASE("concurrent increments lose nothing") {
  const TemporaryDirectory directory;
  Database database(directory / "data.db", schema, Durability::process);
  database.write([](Connection& connection) { put(connection, "sum", 0); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&database] {
      for (int j = 0; j < 50; ++j) {
        database.write([](Connection& connection) {
          std::int64_t value = 0;
          {
            Statement row = connection.prepare("SELECT value FROM numbers WHERE name = 'sum'");
            row.step();
            value = row.integer(0);
          }
          put(connection, "sum", value + 1);
        });
        count(database);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t sum = 0;
  database.read([&](Connection& connection) {
    Statement row = connection.prepare("SELECT value FROM numbers WHERE name = 'sum'");
    if (row.step()) sum = row.integer(0);
  });
  CHECK(sum == 400);
}

TEST_CASE("a write within a write is refused instead of hanging") {
  const TemporaryDirectory directory;
  Database database(directory / "data.db", schema, Durability::process);
  CHECK_THROWS_AS(database.write([&](Connection&) { database.write([](Connection&) {}); }), std::logic_error);
  database.write([](Connection& connection) { put(connection, "a", 1); });
  CHECK(count(database) == 1);
}

TEST_CASE("texts keep every byte, and the same statement can be used twice at once") {
  const TemporaryDirectory directory;
  Database database(directory / "data.db", schema, Durability::process);
  const std::string name("a\0\xff\xfe'\"", 6);
  database.write([&](Connection& connection) {
    put(connection, name, 1);
    put(connection, "", 2);
  });
  std::vector<std::string> pairs;
  database.read([&](Connection& connection) {
    Statement outer = connection.prepare("SELECT name FROM numbers ORDER BY value");
    while (outer.step()) {
      Statement inner = connection.prepare("SELECT name FROM numbers ORDER BY value");
      while (inner.step()) pairs.push_back(outer.text(0) + "," + inner.text(0));
    }
  });
  CHECK(pairs == std::vector<std::string>{name + "," + name, name + ",", "," + name, ","});
}

TEST_CASE("errors carry SQLite's words") {
  const TemporaryDirectory directory;
  Database database(directory / "data.db", schema, Durability::process);
  CHECK_THROWS_WITH_AS(
      database.read([](Connection& connection) { connection.prepare("SELECT * FROM nowhere"); }),
      doctest::Contains("no such table: nowhere"), DatabaseError);
  CHECK_THROWS_AS(database.read([](Connection& connection) { put(connection, "a", 1); }), DatabaseError);
  CHECK_THROWS_AS(Database(directory.path(), schema, Durability::full), DatabaseError);
}
