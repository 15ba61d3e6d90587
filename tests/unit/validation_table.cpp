// The generated table as a whole: complete, consistent, and every pattern usable.
#include "emulator/wire/validation_table.hpp"

#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/validation_cases.hpp"

namespace table = sagemaker::local::wire::table;
using sagemaker::json;
using sagemaker::local::wire::known_operation;
using sagemaker::local::wire::Model;

namespace {

constexpr std::size_t model_count = static_cast<std::size_t>(Model::metrics) + 1;  // the last one

}  // namespace

TEST_CASE("the table knows SageMaker's operations, and no others") {
  CHECK(table::operations_of(0).size() >= 400);
  for (const char* name :
       {"CreateTrainingJob", "DescribeTrainingJob", "CreateEndpoint", "AddTags", "UpdateWorkteam"}) {
    CHECK(known_operation(name));
  }
  for (const char* name :
       {"", "createTrainingJob", "CreateTrainingJobs", "CreateTrainingJo", "CreateLogGroup", "~"}) {
    CHECK_FALSE(known_operation(name));
  }
  CHECK(known_operation(Model::logs, "GetLogEvents"));
  CHECK(known_operation(Model::sts, "GetCallerIdentity"));
  CHECK_FALSE(known_operation(Model::sts, "GetLogEvents"));
  CHECK(known_operation(Model::iam, "CreateRole"));
}

TEST_CASE("operations are sorted, as the look-up needs them") {
  for (std::size_t model = 0; model < model_count; ++model) {
    std::string_view before;
    for (const table::OperationInput& operation : table::operations_of(model)) {
      CHECK(before < table::text(operation.name));
      before = table::text(operation.name);
    }
  }
}

TEST_CASE("every pattern of the models compiles") {
  CHECK(table::pattern_count() > 150);
  for (std::size_t i = 0; i < table::pattern_count(); ++i) CHECK_NOTHROW(table::pattern_at(i));
}

TEST_CASE("everything that can be reached from an operation is well formed") {
  std::set<const table::Shape*> seen;
  std::map<table::Kind, int> kinds;
  const std::function<void(const table::Shape&)> visit = [&](const table::Shape& shape) {
    if (!seen.insert(&shape).second) return;
    ++kinds[shape.kind];
    if ((shape.flags & table::has_min) && (shape.flags & table::has_max)) {
      CHECK(table::range(shape).min <= table::range(shape).max);
    }
    if (shape.kind == table::Kind::structure) {
      CHECK_FALSE(table::text(shape.c).empty());
      for (const table::Member& member : table::members(shape)) {
        CHECK_FALSE(table::text(member.name).empty());
        visit(table::shape(member.shape));
      }
    } else if (shape.kind == table::Kind::list) {
      visit(table::shape(shape.a));
    } else if (shape.kind == table::Kind::map) {
      CHECK(table::shape(shape.a).kind == table::Kind::string);
      visit(table::shape(shape.b));
    }
  };
  for (std::size_t model = 0; model < model_count; ++model) {
    for (const auto& operation : table::operations_of(model)) {
      CHECK(table::shape(operation.shape).kind == table::Kind::structure);
      visit(table::shape(operation.shape));
    }
  }
  CHECK(kinds[table::Kind::structure] > 800);
  CHECK(kinds[table::Kind::list] > 100);
  CHECK(kinds[table::Kind::map] > 15);
}

// Names that users met limits with, against the patterns as they stand in the table.
TEST_CASE("patterns accept what AWS accepts") {
  const auto passes = [](const std::string& operation, const json& input) {
    return sagemaker::tests::answer(operation, input).message;
  };
  for (const char* name : {"a", "A-1", "a--b", "0123456789"})
    CHECK(passes("StopTrainingJob", {{"TrainingJobName", name}}) == "");
  for (const char* name : {"-a", "a-", "a_b", "a b", "a\n"})
    CHECK(passes("StopTrainingJob", {{"TrainingJobName", name}}) != "");
  const json tag = {{"Key", "aws:team / 1"}, {"Value", "\xC3\xA9=+-@_.:/"}};
  const std::string arn = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e";
  CHECK(passes("AddTags", {{"ResourceArn", arn}, {"Tags", {tag}}}) == "");
  CHECK(passes("AddTags", {{"ResourceArn", arn}, {"Tags", {{{"Key", "a<b"}, {"Value", ""}}}}}) != "");
}
