// Goal: every record of an object is sent once, in requests of the allowed size, and the output has the
// answers in the records' order, however long each of them takes. Method: objects in memory, a model that is
// a function, and requests that end when the test says so.
#include <latch>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <doctest/doctest.h>

#include <sagemaker/formats/record_io.hpp>

#include "tests/unit/transform_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using transform::Assembly;
using transform::ObjectSettings;
using transform::RequestBody;
using transform::Split;
using transform::Strategy;
using transform::TransformFailure;
using transform::TransformStopped;

namespace {

using Texts = std::vector<std::string>;

ObjectSettings lines(Strategy strategy, std::size_t payload_bytes_max = 6 << 20) {
  ObjectSettings settings;
  settings.split = Split::line;
  settings.strategy = strategy;
  settings.payload_bytes_max = payload_bytes_max;
  return settings;
}

std::string numbers(int count) {
  std::string object;
  for (int i = 0; i < count; ++i) object += std::to_string(i) + "\n";
  return object;
}

std::string record_io(const std::string& content) {
  std::string framed;
  formats::append_recordio(framed, content);
  return framed;
}

const char* const too_large = "Too much data for max payload size";

}  // namespace

TEST_CASE("MultiRecord: as many whole records as fit, as the object has them") {
  TransformRun run(lines(Strategy::multi_record, 10));
  CHECK(run("123\n456\r\n7\n8\n\n9") == "123\n456\r\n7\n8\n\n9");
  CHECK(run.sent == Texts{"123\n456\r\n", "7\n8\n\n9"});
}

TEST_CASE("SingleRecord: one record a request, without its end of line") {
  TransformRun run(lines(Strategy::single_record));
  CHECK(run("one\ntwo\r\n\nlast") == "onetwolast");
  CHECK(run.sent == Texts{"one", "two", "", "last"});
}

TEST_CASE("binary framing stays with MultiRecord and goes with SingleRecord") {
  ObjectSettings settings;
  settings.split = Split::record_io;
  settings.payload_bytes_max = 40;
  const std::string object = record_io("12345") + record_io("6789") + record_io("abcdefghij");
  TransformRun multi(settings);
  CHECK(multi(object) == object);
  CHECK(multi.sent == Texts{record_io("12345") + record_io("6789"), record_io("abcdefghij")});

  settings.strategy = Strategy::single_record;
  settings.payload_bytes_max = 10;  // what the frame needs does not count
  TransformRun single(settings);
  CHECK(single(object) == "123456789abcdefghij");
  settings.strategy = Strategy::multi_record;  // here it does
  CHECK_THROWS_WITH_AS(TransformRun{settings}(object), too_large, TransformFailure);
}

TEST_CASE("without a split the object is one request, up to the limit") {
  ObjectSettings settings;
  settings.payload_bytes_max = 6;
  TransformRun run(settings);
  CHECK(run("ab\ncd\n", [](std::string_view) { return "answer"; }) == "answer");
  CHECK(run.sent == Texts{"ab\ncd\n"});
  CHECK_THROWS_WITH_AS(run("ab\ncd\ne"), too_large, TransformFailure);
}

TEST_CASE("a record that does not fit into a request fails the object, one that only just fits does not") {
  for (const Strategy strategy : {Strategy::single_record, Strategy::multi_record}) {
    TransformRun run(lines(strategy, 4));
    CHECK_THROWS_WITH_AS(run("1\n12345\n"), too_large, TransformFailure);
    for (const std::string end : {"\n", "\r\n"}) {
      TransformRun full(lines(strategy, 4));
      full("1" + end + "1234" + end + "5" + end);
      CHECK(full.sent.at(1) == "1234");
      CHECK(full.sent.size() == 3);
    }
  }
}

TEST_CASE("an object without bytes needs no request and has an empty output") {
  for (const std::size_t payload_bytes_max : {0u, 100u}) {
    for (const Split split : {Split::none, Split::line}) {
      ObjectSettings settings;
      settings.split = split;
      settings.payload_bytes_max = payload_bytes_max;
      settings.assemble = Assembly::line;
      TransformRun run(settings);
      CHECK(run("") == "");
      CHECK(run.sent.empty());
    }
  }
}

TEST_CASE("AssembleWith Line: every answer ends with a newline, and none with two") {
  const auto answer = [](std::string_view body) {
    return body == "a" ? std::string("A") : std::string(body) + "\n";
  };
  ObjectSettings settings = lines(Strategy::single_record);
  CHECK(TransformRun{settings}("a\nb\n", answer) == "Ab\n");
  settings.assemble = Assembly::line;
  CHECK(TransformRun{settings}("a\nb\n", answer) == "A\nb\n");
  CHECK(TransformRun{settings}("a\nb\n", [](std::string_view) { return ""; }) == "\n\n");
  settings.strategy = Strategy::multi_record;
  CHECK(TransformRun{settings}("a\nb", [](std::string_view) { return "1\n2"; }) == "1\n2\n");
}

TEST_CASE("answers are written in the order of the records, whichever comes first") {
  for (const int concurrent : {1, 2, 7}) {
    ObjectSettings settings = lines(Strategy::single_record);
    settings.assemble = Assembly::line;
    settings.concurrent_requests = concurrent;
    TransformRun run(settings);
    const std::string object = numbers(2000);
    CHECK(run(object, [](std::string_view body) {
            if (body.back() % 3 == 0) std::this_thread::yield();
            return std::string(body);
          }) == object);
    CHECK(run.sent.size() == 2000);
  }
}

TEST_CASE("as many requests are in flight as the job says, and no more") {
  ObjectSettings settings = lines(Strategy::single_record);
  settings.concurrent_requests = 4;
  TransformRun run(settings);
  std::latch together(4);  // nobody passes before four have come
  std::atomic<int> in_flight{0}, most{0};
  run(numbers(300), [&](std::string_view body) {
    const int now = ++in_flight;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
    if (body.size() == 1 && body[0] < '4') together.arrive_and_wait();
    --in_flight;
    return std::string();
  });
  CHECK(most == 4);
}

TEST_CASE("while the first answer is awaited the object is read only so far") {
  class Counting final : public local::runner::ByteSource {
   public:
    std::size_t read(char* target, std::size_t size) override {
      if (given >= std::size_t{256} << 20) return 0;
      std::fill_n(target, size, 'x');
      for (std::size_t at = 0; at < size; at += 1000) target[at] = '\n';
      given += size;
      return size;
    }
    std::atomic<std::size_t> given{0};
  } source;
  ObjectSettings settings = lines(Strategy::multi_record, 1 << 20);
  settings.concurrent_requests = 3;
  TransformRun run(settings);
  std::size_t most_ahead = 0, answered = 0;
  std::mutex mutex;
  run.stopped = [&] {  // asked by the thread that reads
    const std::lock_guard lock(mutex);
    most_ahead = std::max(most_ahead, source.given - answered);
    return false;
  };
  run(source, [&](std::string_view body) {
    const std::lock_guard lock(mutex);
    answered += body.size();
    return std::string();
  });
  CHECK(most_ahead < (std::size_t{12} << 20));
}

TEST_CASE("the first record that fails says why, once all requests have ended") {
  ObjectSettings settings = lines(Strategy::single_record);
  settings.concurrent_requests = 2;
  TransformRun run(settings);
  std::latch both(2);
  std::atomic<int> ended{0};
  CHECK_THROWS_WITH_AS(run(numbers(1000),
                           [&](std::string_view body) -> std::string {
                             both.arrive_and_wait();
                             while (body == "0" && ended == 0) std::this_thread::yield();
                             ++ended;
                             throw TransformFailure("ClientError: " + std::string(body));
                           }),
                       "ClientError: 0", TransformFailure);
  CHECK(ended == 2);
  CHECK(run.sent.size() == 2);
}

TEST_CASE("a record that cannot be read fails the object, after what was sent") {
  ObjectSettings settings;
  settings.split = Split::record_io;
  settings.strategy = Strategy::single_record;
  TransformRun run(settings);
  CHECK_THROWS_WITH_AS(run(record_io("1") + record_io("2") + record_io("3") + "rest"),
                       "Bad RecordIO: record 4 is truncated", TransformFailure);
}

TEST_CASE("what a request or the source throws comes out as it is") {
  TransformRun run(lines(Strategy::single_record));
  const auto full = [](std::string_view) -> std::string {
    throw std::system_error(ENOSPC, std::generic_category());
  };
  CHECK_THROWS_AS(run(numbers(1), full), std::system_error);
  CHECK_THROWS_AS(run(numbers(100), full), std::system_error);

  class Broken final : public local::runner::ByteSource {
   public:
    std::size_t read(char*, std::size_t) override {
      if (disk) throw std::system_error(EIO, std::generic_category(), "cannot read");
      throw std::runtime_error("the object a is not a whole gzip stream: ends too early");
    }
    bool disk = false;
  } broken;
  CHECK_THROWS_WITH_AS(run(broken, [](std::string_view) { return ""; }),
                       "the object a is not a whole gzip stream: ends too early", TransformFailure);
  broken.disk = true;
  CHECK_THROWS_AS(run(broken, [](std::string_view) { return ""; }), std::system_error);
}

TEST_CASE("an output that cannot be written is this machine's fault") {
  TextSource source("a\nb\nc\n");
  const auto send = [](const RequestBody& body, const auto&) { return std::string(body.bytes); };
  CHECK_THROWS_AS(transform::transform_object(lines(Strategy::single_record), source, "/no/such/folder/file",
                                              send, [] { return false; }),
                  std::system_error);
  TextSource again(numbers(100'000));
  CHECK_THROWS_AS(transform::transform_object(lines(Strategy::multi_record, 1000), again, "/dev/full", send,
                                              [] { return false; }),
                  std::system_error);
}

TEST_CASE("a stopped job ends while requests are in flight, and sends no more") {
  ObjectSettings settings = lines(Strategy::single_record);
  settings.concurrent_requests = 2;
  TransformRun run(settings);
  std::atomic<bool> stopped{false};
  run.stopped = [&] { return stopped.load(); };
  std::latch both(2);
  CHECK_THROWS_AS(run(numbers(1000),
                      [&](std::string_view body) {
                        if (body == "0" || body == "1") both.arrive_and_wait();
                        stopped = true;
                        return std::string();
                      }),
                  TransformStopped);
  CHECK(run.sent.size() < 1000);
  stopped = true;
  run.sent.clear();
  CHECK_THROWS_AS(run(numbers(3)), TransformStopped);
  CHECK(run.sent.empty());
}

TEST_CASE("without a payload limit the object is streamed, and the answer on its way is written") {
  ObjectSettings settings = lines(Strategy::multi_record, 0);
  settings.assemble = Assembly::line;
  TransformRun run(settings);
  TemporaryDirectory folder;
  const std::string object = numbers(100'000);
  TextSource source(object, 1000);
  std::string received;
  const auto send = [&](const RequestBody& body, const std::function<bool(std::string_view)>& on_piece) {
    CHECK(body.bytes.empty());
    char buffer[777];
    while (const std::size_t size = body.pull(buffer, sizeof buffer)) {
      received.append(buffer, size);
      CHECK(on_piece({buffer, size}));
    }
    CHECK(on_piece("end"));
    return std::string();
  };
  transform::transform_object(settings, source, folder / "output", send, [] { return false; });
  CHECK(received == object);
  std::ifstream file(folder / "output");
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  CHECK(written == object + "end\n");

  // One record a request: there is no limit, but there are requests.
  TransformRun single(lines(Strategy::single_record, 0));
  CHECK(single(numbers(20'000)).size() == numbers(20'000).size() - 20'000);
  CHECK(single.sent.size() == 20'000);
}

TEST_CASE("a stream that breaks or is stopped says so, whatever the sender makes of it") {
  class Broken final : public local::runner::ByteSource {
   public:
    std::size_t read(char* target, std::size_t size) override {
      if (calls++ > 0) throw std::runtime_error("the object a is not a whole gzip stream");
      std::fill_n(target, size, 'x');
      return size;
    }
    int calls = 0;
  } broken;
  ObjectSettings settings;
  settings.payload_bytes_max = 0;
  TemporaryDirectory folder;
  std::atomic<bool> stopped{false};
  const auto transform = [&](local::runner::ByteSource& source) {
    transform::transform_object(
        settings, source, folder / "output",
        [&](const RequestBody& body, const std::function<bool(std::string_view)>& on_piece) -> std::string {
          std::string piece(64 * 1024, '\0');
          try {
            while (body.pull(piece.data(), piece.size()) > 0) continue;
          } catch (...) {
            throw TransformFailure("AlgorithmError: the connection broke");
          }
          stopped = true;
          if (!on_piece("answer")) throw TransformFailure("AlgorithmError: nobody listens");
          return "";
        },
        [&] { return stopped.load(); });
  };
  CHECK_THROWS_WITH_AS(transform(broken), "the object a is not a whole gzip stream", TransformFailure);
  TextSource whole("abc");
  CHECK_THROWS_AS(transform(whole), TransformStopped);
}
