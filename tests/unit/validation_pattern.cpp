#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/services/pattern/pattern.hpp"

using sagemaker::local::Pattern;
using sagemaker::local::PatternError;

namespace {
bool java(const char* expression, const std::string& text) {
  return Pattern(expression, Pattern::Dialect::java).matches(text);
}
}  // namespace

TEST_CASE("matches() describes the whole text") {
  CHECK(Pattern("[a-z]+").matches("abc"));
  CHECK_FALSE(Pattern("[a-z]+").matches("abc1"));
  CHECK_FALSE(Pattern("[a-z]+").matches("1abc"));
  CHECK_FALSE(Pattern("[a-z]+").matches("abc\n"));
  CHECK(Pattern("a|ab").matches("ab"));  // a shorter alternative does not decide
  CHECK(Pattern("").matches(""));
}

TEST_CASE("search() gives the groups") {
  const std::string line = "epoch 3: accuracy=0.975; loss=0.1";
  const auto match = Pattern("accuracy=([0-9.]+)(%)?").search(line);
  REQUIRE(match);
  CHECK(match->groups[0] == "accuracy=0.975");
  CHECK(match->groups[1] == "0.975");
  CHECK_FALSE(match->groups[2].has_value());
  CHECK(line.substr(match->begin, match->end - match->begin) == "accuracy=0.975");
  CHECK_FALSE(Pattern("accuracy=([0-9.]+)").search(line, match->end));
  CHECK_FALSE(Pattern("x").search("x", 2));
}

TEST_CASE("an expression that does not compile says why and where") {
  try {
    Pattern("a(b");
    FAIL("compiled");
  } catch (const PatternError& error) {
    const std::string what = error.what();
    CHECK(what.find("a(b") != std::string::npos);
    CHECK(what.find("parenthes") != std::string::npos);
    CHECK(what.find("offset 3") != std::string::npos);
  }
}

TEST_CASE("Java's spellings") {
  CHECK(java("[\\p{Alnum}\\-]+", "aZ-9"));
  CHECK_FALSE(java("[\\p{Alnum}\\-]+", "a_"));
  CHECK(java("\\p{Alnum}", "a"));
  CHECK(java("\\p{Print}+", "a policy ~"));
  CHECK_FALSE(java("[\\p{Print}]+", "a\tb"));
  CHECK(java("[\\u0020-\\uD7FF]+", "a b\xC3\xA9"));
  CHECK_FALSE(java("[\\u0020-\\uD7FF]+", "\t"));
  CHECK(java("[\\uD800\\uDC00-\\uDBFF\\uDFFF]", "\xF0\x9F\x98\x80"));  // surrogate pairs are one character
  CHECK_FALSE(java("[\\uD800\\uDC00-\\uDBFF\\uDFFF]", "a"));
  CHECK(java("([a-z]*)${1,128}", "abc"));
  CHECK_FALSE(java("([a-z]*)${1,128}", "abc1"));
  CHECK(java("[.$]+", ".$."));
}

TEST_CASE("Java's dot leaves out five line ends and nothing more") {
  for (const char* text : {"\n", "\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"})
    CHECK_FALSE(java(".", text));
  for (const char* text : {"\v", "\f", "\t", " ", "\xC3\xA9"}) CHECK(java(".", text));
  CHECK_FALSE(java(".*", "a\nb"));
  CHECK_FALSE(java("a\\.b", "axb"));
}

TEST_CASE("text that is not UTF-8 is searched around the bad bytes") {
  CHECK_FALSE(Pattern(".*").matches("a\xFF"));
  CHECK(Pattern("loss=([0-9.]+)").search("\xFF\xFE loss=0.5 \x80"));
}

TEST_CASE("expressions that explode give up instead of hanging") {
  CHECK_FALSE(Pattern("(a+)+b").matches(std::string(5000, 'a')));
  CHECK_FALSE(Pattern("(a|aa)+$").search(std::string(5000, 'a') + "!"));
}

TEST_CASE("long texts that nest groups still match") {
  CHECK(Pattern("([a-z](-*[a-z])*)").matches(std::string(20'000, 'a')));
}

TEST_CASE("one pattern serves many threads") {
  const Pattern pattern("k=([0-9]+)");
  std::vector<std::thread> threads;
  std::vector<int> hits(4);
  for (std::size_t t = 0; t < hits.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string number = std::to_string(i);
        const std::string line = std::string("k=") + number;
        const auto match = pattern.search(line);
        if (match && match->groups[1] == number) ++hits[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : hits) CHECK(count == 2000);
}
