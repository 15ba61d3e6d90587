// Goal: what is written of an answer has its own record beside it, in every way in which records come to the
// model, and an answer with too few or too many predictions is refused. Method: DataProcessing of real
// requests around a model that is a function.
#include <doctest/doctest.h>

#include "tests/unit/transform_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using transform::Assembly;
using transform::DataProcessing;
using transform::ObjectSettings;
using transform::Split;
using transform::Strategy;
using transform::TransformFailure;

namespace {

using Texts = std::vector<std::string>;

const char* const mismatch = "Fail to join data: mismatched line count between the input and the output";

struct Job {
  Job(Split split, Strategy strategy, const std::string& type, json filters) {
    const char* const lines = split == Split::line ? "Line" : "None";
    processing = DataProcessing::of({{"DataProcessing", std::move(filters)},
                                     {"TransformInput", {{"ContentType", type}, {"SplitType", lines}}},
                                     {"TransformOutput", {{"Accept", type}, {"AssembleWith", lines}}}});
    settings.split = split;
    settings.strategy = strategy;
    settings.assemble = split == Split::line ? Assembly::line : Assembly::none;
    settings.content_type = settings.accept = type;
    settings.processing = processing ? &*processing : nullptr;
  }
  std::optional<DataProcessing> processing;
  ObjectSettings settings;
};

// "p" and a record's first letter, for every line.
std::string predict(std::string_view body) {
  std::string answer;
  bool begin = true;
  for (const char c : body) {
    if (begin) answer += {'p', c, '\n'};
    begin = c == '\n';
  }
  return answer;
}

const json joined = {{"JoinSource", "Input"}};

// Rows of ten thousand bytes, "a,xxx...", as many as are wanted.
class WideRows final : public local::runner::ByteSource {
 public:
  explicit WideRows(std::size_t rows) : bytes_(rows * row_.size()) {}
  std::size_t read(char* target, std::size_t size) override {
    const std::size_t taken = row_.copy(target, std::min(size, bytes_ - given_), given_ % row_.size());
    given_ += taken;
    return taken;
  }

 private:
  const std::string row_ = "a," + std::string(9'997, 'x') + "\n";
  const std::size_t bytes_;
  std::size_t given_ = 0;
};

}  // namespace

TEST_CASE("a record's columns and its prediction's are one row, whatever the requests are") {
  for (const Strategy strategy : {Strategy::single_record, Strategy::multi_record}) {
    Job job(Split::line, strategy, "text/csv", joined);
    job.settings.concurrent_requests = 3;
    job.settings.payload_bytes_max = 8;
    TransformRun run(job.settings);
    CHECK(run("a,1\nb,2\r\nc,3\nd,4", predict) == "a,1,pa\nb,2,pb\nc,3,pc\nd,4,pd\n");
    CHECK(run.sent.size() == (strategy == Strategy::single_record ? 4 : 3));
  }
}

TEST_CASE("the model sees what the input filter leaves, the output has the record as it was") {
  Job job(Split::line, Strategy::multi_record, "text/csv",
          {{"InputFilter", "$[1:]"}, {"JoinSource", "Input"}, {"OutputFilter", "$[0,-1]"}});
  job.settings.payload_bytes_max = 4;  // what counts is what is sent
  TransformRun run(job.settings);
  CHECK(run("id1,a\nid2,b\nid3,c\n", predict) == "id1,pa\nid2,pb\nid3,pc\n");
  CHECK(run.sent == Texts{"a\nb\n", "c\n"});
}

TEST_CASE("an output filter without a join needs no prediction for every record") {
  Job job(Split::line, Strategy::multi_record, "text/csv", {{"OutputFilter", "$[0]"}});
  TransformRun run(job.settings);
  CHECK(run("1\n2\n3\n", [](std::string_view) { return "a,b\nc,d"; }) == "a\nc\n");
}

TEST_CASE("JSON: lines of a batch, or the whole answer of a request") {
  const auto count = [](std::string_view body) {
    std::string answer;
    for (const char c : body) answer += c == '\n' ? "7\n" : "";
    return answer;
  };
  Job lines(Split::line, Strategy::multi_record, "application/jsonlines", joined);
  CHECK(TransformRun{lines.settings}("{\"a\":1}\n[2]\n", count) ==
        "{\"a\":1,\"SageMakerOutput\":7}\n{\"SageMakerInput\":[2],\"SageMakerOutput\":7}\n");
  Job document(Split::none, Strategy::single_record, "application/json", joined);
  CHECK(TransformRun{document.settings}("{\n\"a\": 1\n}\n", [](std::string_view) {
          return "[\n1,\n2\n]\n";
        }).find("SageMakerOutput") != std::string::npos);
}

TEST_CASE("too few or too many predictions fail the object") {
  Job batches(Split::line, Strategy::multi_record, "text/csv", joined);
  TransformRun run(batches.settings);
  for (const std::string answer : {"1\n", "1\n2\n3\n", ""})
    CHECK_THROWS_WITH_AS(run("a\nb\n", [&](std::string_view) { return answer; }), mismatch, TransformFailure);
  CHECK(run("a\nb\n", [](std::string_view) { return "1\r\n2"; }) == "a,1\r\nb,2\n");
  Job job(Split::line, Strategy::single_record, "text/csv", joined);
  CHECK_THROWS_WITH_AS(TransformRun{job.settings}("a\n", [](std::string_view) { return "1\n2\n"; }), mismatch,
                       TransformFailure);
}

TEST_CASE("a record that the filter cannot read fails the object") {
  Job job(Split::line, Strategy::multi_record, "application/jsonlines", {{"InputFilter", "$.a"}});
  CHECK_THROWS_AS(TransformRun{job.settings}("{\"a\":1}\nno json\n"), TransformFailure);
  Job out(Split::line, Strategy::multi_record, "application/jsonlines", {{"OutputFilter", "$.a"}});
  CHECK_THROWS_AS(TransformRun{out.settings}("{\"a\":1}\nno json\n"), TransformFailure);
}

TEST_CASE("inference ids stand behind every record") {
  ObjectSettings settings;
  settings.split = Split::line;
  settings.assemble = Assembly::line;
  settings.content_type = "text/csv; charset=utf-8";
  std::atomic<int> ids{0};
  settings.inference_id = [&] { return std::pair(std::to_string(++ids), std::string("now")); };
  TransformRun run(settings);
  CHECK(run("a\nb\n", predict) == "pa,1,now\npb,2,now\n");
  CHECK_THROWS_WITH_AS(run("a\nb\n", [](std::string_view) { return "1\n"; }), mismatch, TransformFailure);

  // Also where the object would be streamed otherwise.
  ids = 0;
  settings.payload_bytes_max = 0;
  CHECK(TransformRun{settings}("a\nb\n", predict) == "pa,1,now\npb,2,now\n");

  settings.split = Split::none;
  settings.content_type = "image/png";
  CHECK_THROWS_AS(TransformRun{settings}("a"), TransformFailure);
  settings.accept = "application/json";
  settings.assemble = Assembly::none;
  const std::string written = TransformRun{settings}("a", [](std::string_view) { return "{\"label\": 3}"; });
  CHECK(json::parse(written).at("SageMakerInferenceTime") == "now");
}

TEST_CASE("an object that no request limits is not held in memory for the sake of its filters") {
  // Two bytes of every row are sent, but all of it is kept until the answer comes.
  Job narrow(Split::line, Strategy::multi_record, "text/csv",
             {{"JoinSource", "Input"}, {"InputFilter", "$[0]"}, {"OutputFilter", "$[0,-1]"}});
  TransformRun run(narrow.settings);
  WideRows rows(5'000);
  const std::string output = run(rows, predict);
  CHECK(std::count(output.begin(), output.end(), '\n') == 5'000);
  CHECK(output.starts_with("a,pa\na,pa\n"));
  REQUIRE(run.sent.size() == 2);
  CHECK(run.sent[0].size() + run.sent[1].size() == 10'000);
  CHECK(run.sent[0].size() < 2 * 3'400);  // rows of 32 MB

  // A request of any size ends somewhere too, where what is sent is made here.
  Job whole(Split::line, Strategy::multi_record, "text/csv", {{"InputFilter", "$[0,1]"}});
  whole.settings.payload_bytes_max = 0;
  TransformRun unlimited(whole.settings);
  WideRows many(10'600);
  CHECK(unlimited(many, [](std::string_view) { return "answer\n"; }) == "answer\nanswer\n");
  CHECK(unlimited.sent.at(0).size() <= 100u << 20);
}
