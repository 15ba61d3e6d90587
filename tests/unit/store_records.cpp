// Records: unique names, atomic updates, and pages that stay stable while records come and go.
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/store/records.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::store;
using sagemaker::json;
using sagemaker::tests::TemporaryDirectory;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  Database database{directory / "data.db", Records::schema(), Durability::process};
  Records records{database};

  void add(const std::string& name, std::int64_t created_ms, const std::string& status = "Completed") {
    CHECK(records.insert("job", {name, "arn:" + name, status, created_ms, created_ms, {{"Name", name}}}));
  }
  std::vector<std::string> names(const RecordQuery& query) const {
    std::vector<std::string> found;
    for (const Record& record : records.list("job", query).records) found.push_back(record.name);
    return found;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a name is taken once per kind") {
  add("a", 1);
  CHECK_FALSE(records.insert("job", {"a", "", "", 2, 2, json::object()}));
  CHECK(records.insert("model", {"a", "", "", 2, 2, json::object()}));
  CHECK(records.find("job", "a")->document == json{{"Name", "a"}});
  CHECK(records.find("job", "a")->arn == "arn:a");
  CHECK_FALSE(records.find("job", "b"));
  CHECK(records.erase("job", "a"));
  CHECK_FALSE(records.erase("job", "a"));
  CHECK(records.find("model", "a"));
}

TEST_CASE_FIXTURE(Fixture, "a record that somebody objects to stays") {
  add("a", 1, "InProgress");
  const auto only_ended = [](const Record& record) {
    if (record.status != "Completed") throw std::runtime_error("it runs");
  };
  CHECK_THROWS_WITH(records.erase("job", "a", only_ended), "it runs");
  CHECK(records.find("job", "a"));
  records.update("job", "a", [](Record& record) { record.status = "Completed"; });
  CHECK(records.erase("job", "a", only_ended));
  CHECK_FALSE(records.erase("job", "a", only_ended));
}

TEST_CASE_FIXTURE(Fixture, "an update that throws leaves the record as it was") {
  add("a", 1);
  const auto updated = records.update("job", "a", [](Record& record) {
    record.status = "Failed";
    record.modified_ms = 9;
    record.document["FailureReason"] = "x";
  });
  CHECK(updated->status == "Failed");
  CHECK_THROWS(records.update("job", "a", [](Record& record) {
    record.status = "Broken";
    throw std::runtime_error("no");
  }));
  CHECK(records.find("job", "a")->status == "Failed");
  CHECK(records.find("job", "a")->document["FailureReason"] == "x");
  CHECK_FALSE(records.update("job", "none", [](Record&) { FAIL("there is no record to change"); }));
}

TEST_CASE_FIXTURE(Fixture, "updates at once do not lose each other's change") {
  records.insert("job", {"n", "", "", 1, 1, {{"Count", 0}}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int j = 0; j < 25; ++j) {
        records.update("job", "n", [](Record& record) {
          record.document["Count"] = record.document["Count"].get<int>() + 1;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(records.find("job", "n")->document["Count"] == 100);
}

TEST_CASE_FIXTURE(Fixture, "listing filters and sorts") {
  add("pear", 10, "Failed");
  add("apple", 20);
  add("plum", 30, "Stopped");
  using SortBy = RecordQuery::SortBy;
  CHECK(names({}) == Names{"plum", "apple", "pear"});
  CHECK(names({.sort_by = SortBy::name, .descending = false}) == Names{"apple", "pear", "plum"});
  CHECK(names({.sort_by = SortBy::status, .descending = false}) == Names{"apple", "pear", "plum"});
  CHECK(names({.name_contains = "p", .descending = false, .limit = 2}) == Names{"pear", "apple"});
  CHECK(names({.name_contains = "pl"}) == Names{"plum", "apple"});
  CHECK(names({.name_contains = "%"}).empty());
  CHECK(names({.status_equals = "Stopped"}) == Names{"plum"});
  CHECK(names({.created_after_ms = 10, .created_before_ms = 30}) == Names{"apple"});
  CHECK(names({.modified_after_ms = 10, .modified_before_ms = 30}) == Names{"apple"});
  CHECK(records.list("model", {}).records.empty());
  CHECK(records.with_status("job", {"Failed", "Stopped"}).size() == 2);
  CHECK(records.with_status("job", {"InProgress"}).empty());
}

TEST_CASE_FIXTURE(Fixture, "pages neither repeat nor hide a record while others come and go") {
  for (int i = 0; i < 30; ++i)
    add("job-" + std::to_string(100 + i), 1000 + i / 5);  // equal times within fives
  for (const bool descending : {true, false}) {
    for (const auto sort_by :
         {RecordQuery::SortBy::creation_time, RecordQuery::SortBy::name, RecordQuery::SortBy::status}) {
      RecordQuery query{.sort_by = sort_by, .descending = descending, .limit = 7};
      std::multiset<std::string> seen;
      int page_number = 0;
      do {
        const RecordPage page = records.list("job", query);
        for (const Record& record : page.records) {
          if (record.name.starts_with("job-")) seen.insert(record.name);
        }
        const std::string extra = "zz-" + std::to_string(page_number++);
        records.insert("job", {extra, "", "Zzz", descending ? 5000 : 1, 1, json::object()});
        query.next_token = page.next_token;
      } while (!query.next_token.empty());
      CHECK(seen.size() == 30);
      CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 30);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "a page of exactly the limit has no token; a foreign or broken token is refused") {
  add("a", 1);
  add("b", 2);
  CHECK(records.list("job", {.limit = 2}).next_token.empty());
  const std::string token = records.list("job", {.limit = 1}).next_token;
  REQUIRE_FALSE(token.empty());
  CHECK(names({.next_token = token}) == Names{"a"});
  CHECK_THROWS_AS(records.list("model", {.next_token = token}), BadToken);
  CHECK_THROWS_AS(records.list("job", {.descending = false, .next_token = token}), BadToken);
  CHECK_THROWS_AS(records.list("job", {.sort_by = RecordQuery::SortBy::name, .next_token = token}), BadToken);
  for (const char* broken : {"x", "!!!!", "bm9wZQ==", "W10=", "W1tbW1tbW1s="}) {
    CHECK_THROWS_AS(records.list("job", {.next_token = broken}), BadToken);
  }
}

TEST_CASE_FIXTURE(Fixture, "documents with bytes that are no text are stored all the same") {
  CHECK(records.insert("job", {"a", "", "", 1, 1, {{"Log", "bad \xff byte"}}}));
  CHECK(records.find("job", "a")->document["Log"].get<std::string>().starts_with("bad "));
}
