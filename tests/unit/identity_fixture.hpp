// STS and IAM on a store of their own, with a clock that the test moves. Inputs are validated as they are
// behind the wire.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/uri.hpp>

#include "emulator/services/iam/operations.hpp"
#include "emulator/services/iam/role_records.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/services/sts/operations.hpp"
#include "emulator/wire/validation.hpp"
#include "tests/support/support.hpp"
#include "tests/unit/logs_fixture.hpp"

namespace sagemaker::tests {

struct Identities {
  json call(const std::string& operation, const json& input, const std::string& access_key = "test") {
    const auto found = operations.find(operation);
    REQUIRE_MESSAGE(found != operations.end(), operation);
    return found->second({"123456789012", "us-east-1", "aws", access_key, "id"}, input);
  }
  // "Code status: message", or "" where the operation succeeds.
  std::string fault(const std::string& operation, const json& input, const std::string& access_key = "test") {
    try {
      call(operation, input, access_key);
      return "";
    } catch (const local::ServiceFault& thrown) {
      return thrown.code() + " " + std::to_string(thrown.http_status()) + ": " + thrown.message();
    }
  }

  // What a restart of the emulator does: everything but the store is new.
  void restart() {
    credentials.emplace(records, clock);
    callers.emplace(
        std::map<std::string, local::services::Principal>{
            {"alice", local::services::principal_of_arn("arn:aws:iam::111122223333:user/team/alice")}},
        *credentials);
    operations = local::wire::checked(
        local::wire::Model::sts, local::services::sts_operations(*credentials, *callers, records, clock));
    const local::services::Iam iam{
        records, clock, [this](const local::CallContext& context) { return callers->caller_of(context); },
        [this](const std::string& name) { return callers->user(name); }};
    operations.merge(local::wire::checked(local::wire::Model::iam, local::services::iam_operations(iam)));
  }
  Identities() { restart(); }

  TemporaryDirectory folder;
  local::store::Database database{folder / "records.db", local::store::Records::schema(),
                                  local::store::Durability::process};
  local::store::Records records{database};
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(1'700'000'000'000);
  std::optional<local::services::TemporaryCredentials> credentials;
  std::optional<local::services::Callers> callers;
  local::OperationTable operations;
};

}  // namespace sagemaker::tests
