// Takes requests that are in order and breaks every constraint that the table has for what they contain, one
// at a time: each must be found, at its place and under its name, and nothing else.
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/wire/validation_table.hpp"
#include "tests/unit/validation_cases.hpp"

namespace table = sagemaker::local::wire::table;
using sagemaker::json;
using sagemaker::tests::answer;
using sagemaker::tests::Answer;
using table::Kind;
using table::Shape;

namespace {

struct Mutation {
  json::json_pointer at;
  json value;  // discarded: erase instead
  bool erase = false;
  std::string path;    // as the message shall name it
  std::string phrase;  // what the message shall say
  std::string code = "ValidationException";
};

std::string lower_first(std::string text) {
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// Collects mutations along everything that a document contains.
class Mutator {
 public:
  explicit Mutator(const json& document) : document_(document) {}

  std::vector<Mutation> of(const Shape& input) {
    visit_structure(document_, input, json::json_pointer(), "");
    return std::move(mutations_);
  }

 private:
  void visit_structure(const json& value, const Shape& shape, const json::json_pointer& at,
                       const std::string& path) {
    for (const table::Member& member : table::members(shape)) {
      const std::string name(table::text(member.name));
      if (!value.contains(name)) continue;
      const std::string member_path = path + (path.empty() ? "" : ".") + lower_first(name);
      if (member.required) add_erase(at / name, member_path);
      visit(value.at(name), table::shape(member.shape), at / name, member_path, member_path);
    }
  }

  // `reported_at`: scalars inside a list or map are reported at the container.
  void visit(const json& value, const Shape& shape, const json::json_pointer& at, const std::string& path,
             const std::string& reported_at) {
    add(at, wrong_type(shape), "", "", "SerializationException");
    add_bounds(shape, at, reported_at);
    switch (shape.kind) {
      case Kind::string:
        add_string_mutations(shape, at, reported_at);
        break;
      case Kind::structure:
        visit_structure(value, shape, at, path);
        break;
      case Kind::list:
        for (std::size_t i = 0; i < value.size(); ++i) {
          const Shape& element = table::shape(shape.a);
          visit(value[i], element, at / i, path + "." + std::to_string(i + 1) + ".member", path);
        }
        break;
      case Kind::map:
        for (const auto& [key, element] : value.items()) {
          visit(element, table::shape(shape.b), at / key, path + "." + key + ".member", path);
        }
        break;
      default:
        break;
    }
  }

  static json wrong_type(const Shape& shape) {
    switch (shape.kind) {
      case Kind::string:
        return 7;
      case Kind::integer:
      case Kind::long_integer:
      case Kind::float_number:
      case Kind::double_number:
      case Kind::boolean:
      case Kind::structure:
      case Kind::list:
      case Kind::map:
        return "text";
      default:
        return json::array();
    }
  }

  void add_string_mutations(const Shape& shape, const json::json_pointer& at, const std::string& path) {
    if (!table::pattern_text(shape).empty() && !table::pattern(shape).matches("\n \n")) {
      add(at, "\n \n", path,
          "Member must satisfy regular expression pattern: " + std::string(table::pattern_text(shape)));
    }
    if (!table::enumeration(shape).empty())
      add(at, "NoSuchValue", path, "Member must satisfy enum value set: [");
  }

  void add_bounds(const Shape& shape, const json::json_pointer& at, const std::string& path) {
    const table::Range& range = table::range(shape);
    const auto bound = [&](double beyond, const std::string& phrase) {
      add_beyond(shape, at, path, beyond, phrase);
    };
    if (shape.flags & table::has_max) bound(range.max + 1, "less than or equal to ");
    if ((shape.flags & table::has_min)) bound(range.min - 1, "greater than or equal to ");
  }

  void add_beyond(const Shape& shape, const json::json_pointer& at, const std::string& path, double beyond,
                  const std::string& phrase) {
    const bool number = shape.kind == Kind::integer || shape.kind == Kind::long_integer;
    const bool fraction = shape.kind == Kind::float_number || shape.kind == Kind::double_number;
    if (number || fraction) {
      add(at, fraction ? json(beyond) : json(static_cast<std::int64_t>(beyond)), path,
          "Member must have value " + phrase);
      return;
    }
    if (beyond < 0 || beyond > 100'000)
      return;  // nothing is shorter than 0; texts of gigabytes prove nothing more
    const auto size = static_cast<std::size_t>(beyond);
    json value;
    if (shape.kind == Kind::string) {
      value = std::string(size, 'a');
    } else if (shape.kind == Kind::list) {
      const json sample = document_.at(at).empty() ? json("a") : document_.at(at).at(0);
      value = json::array();
      for (std::size_t i = 0; i < size; ++i) value.push_back(sample);
    } else {
      value = json::object();
      const json sample = document_.at(at).empty() ? json("a") : document_.at(at).front();
      for (std::size_t i = 0; i < size; ++i) value[sagemaker::tests::numbered("k", i)] = sample;
    }
    add(at, value, path, "Member must have length " + phrase);
  }

  void add_erase(const json::json_pointer& at, const std::string& path) {
    mutations_.push_back({at, {}, true, path, "Member must not be null"});
  }

  void add(const json::json_pointer& at, json value, const std::string& path, const std::string& phrase,
           const std::string& code = "ValidationException") {
    mutations_.push_back({at, std::move(value), false, path, phrase, code});
  }

  const json& document_;
  std::vector<Mutation> mutations_;
};

void check_mutation(const std::string& operation, json document, const Mutation& mutation) {
  if (mutation.erase) {
    document.at(mutation.at.parent_pointer()).erase(mutation.at.back());
  } else {
    document[mutation.at] = mutation.value;
  }
  const Answer given = answer(operation, document);
  CAPTURE(mutation.at.to_string());
  CHECK(given.code == mutation.code);
  if (mutation.path.empty()) return;
  CAPTURE(given.message.substr(0, 2000));
  CHECK(given.message.find(" at '" + mutation.path + "' failed to satisfy constraint: ") !=
        std::string::npos);
  CHECK(given.message.find(mutation.phrase) != std::string::npos);
  // Every error that is reported lies at the place that was broken.
  std::size_t count = 0, at_place = 0;
  for (std::size_t i = given.message.find("' failed to satisfy"); i != std::string::npos;
       i = given.message.find("' failed to satisfy", i + 1)) {
    ++count;
    const std::string path_end = "'" + mutation.path;
    if (i >= path_end.size() && given.message.compare(i - path_end.size(), path_end.size(), path_end) == 0)
      ++at_place;
  }
  CHECK(count == at_place);
}

void break_everything(const std::string& operation, const json& document, std::size_t mutations_min) {
  CHECK(answer(operation, document).message == "");
  const Shape* input = table::input_of(0, operation);
  REQUIRE(input != nullptr);
  const std::vector<Mutation> mutations = Mutator(document).of(*input);
  CHECK(mutations.size() >= mutations_min);
  for (const Mutation& mutation : mutations) check_mutation(operation, document, mutation);
}

}  // namespace

TEST_CASE("every constraint of what a training job contains is enforced") {
  break_everything("CreateTrainingJob", sagemaker::tests::training_job(), 80);
}

TEST_CASE("every constraint of what an endpoint configuration contains is enforced") {
  break_everything("CreateEndpointConfig", sagemaker::tests::endpoint_config(), 40);
}

TEST_CASE("every constraint of what a model contains is enforced") {
  break_everything("CreateModel", sagemaker::tests::model(), 15);
}
