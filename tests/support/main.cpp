#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <stdlib.h>

#include <iostream>
#include <system_error>

#include "tests/support/support.hpp"

namespace {
int skipped_count = 0;

// Counts the assertions, to tell "everything was skipped" from "something ran".
struct AssertionCounter : doctest::IReporter {
  static inline int run_count = 0;
  explicit AssertionCounter(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& stats) override { run_count = stats.numAsserts; }
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("assertion_counter", 1, AssertionCounter);
}  // namespace

namespace sagemaker::tests {

void skip(const std::string& reason) {
  ++skipped_count;
  std::cout << "SKIPPED: " << reason << std::endl;
}

std::optional<std::filesystem::path> data_file(const std::string& relative) {
  std::filesystem::path root;
  if (const char* named = std::getenv("SAGEMAKER_DATA_DIR")) {
    root = named;
  } else if (const char* source = std::getenv("SAGEMAKER_SOURCE_DIR")) {
    root = std::filesystem::path(source).parent_path() / "shared" / "data";
  }
  if (root.empty() || !std::filesystem::exists(root / relative)) return std::nullopt;
  return root / relative;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sagemaker-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::system_error(errno, std::generic_category(), pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sagemaker::tests

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int code = context.run();
  if (context.shouldExit() || code != 0) return code;
  return skipped_count > 0 && AssertionCounter::run_count == 0 ? 77 : 0;
}
