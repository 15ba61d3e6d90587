// A pipe to Pattern's Python dialect for pattern_python.py: each line of input is a JSON document
// {"regex": ..., "text": ...}, each line of output {"error": ...} or {"groups": [...]}: the first match and
// its groups, null where there is none. {"number": ...} is answered by what float() would make of it, as
// text.
#include <array>
#include <cstdio>
#include <iostream>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/pattern/pattern.hpp"
#include "emulator/services/sagemaker/training/metric_scanner.hpp"

namespace {

using sagemaker::json;
using sagemaker::local::Pattern;
using sagemaker::local::PatternHit;
using sagemaker::local::services::python_float;

json answer(const json& question) {
  if (question.contains("number")) {
    const auto value = python_float(question["number"].get<std::string>());
    std::array<char, 40> text{};
    if (value) std::snprintf(text.data(), text.size(), "%.17g", *value);
    return {{"number", value ? json(text.data()) : json()}};
  }
  try {
    const Pattern pattern(question.at("regex").get<std::string>(), Pattern::Dialect::python);
    const std::string text = question.at("text");
    const auto match = pattern.search(text);
    const auto hit = pattern.search_within(text, 0, std::chrono::seconds(20));
    if (hit.kind == PatternHit::Kind::gave_up) return {{"error", "gave up"}};
    json answer = {{"groups", nullptr}, {"count", pattern.groups()}};
    if (match.has_value() != (hit.kind == PatternHit::Kind::found)) return {{"error", "searches differ"}};
    if (!match) return answer;
    if (match->begin != hit.begin || match->end != hit.end) return {{"error", "places differ"}};
    if (match->groups.size() > 1 && match->groups[1] != hit.group) return {{"error", "groups differ"}};
    answer["groups"] = json::array();
    for (const auto& group : match->groups) answer["groups"].push_back(group ? json(*group) : json());
    answer["begin"] = match->begin;
    return answer;
  } catch (const sagemaker::local::PatternError& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << answer(json::parse(line)).dump() << "\n" << std::flush;
}
