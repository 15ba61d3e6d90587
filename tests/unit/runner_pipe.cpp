// Goal: a reader of a Pipe channel gets each epoch once, exactly and in order, whatever it does, and nothing
// that it does delays the end. Method: readers in this process and shell programs as jobs.
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <zlib.h>

#include "emulator/runner/training/pipe_channel.hpp"
#include "emulator/runner/training/record_io.hpp"
#include "tests/unit/runner_job.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using runner::InputChannel;
using runner::InputFile;
using runner::InputMode;
using runner::PipeChannel;
using runner::PipeRecord;
using runner::RecordIoPart;
using runner::TrainingOutcome;
using Kind = TrainingOutcome::Kind;

namespace {

PipeRecord text_record(const std::string& text) { return {{}, text, true}; }
PipeRecord file_record(const fs::path& file) { return {{file.filename(), file}, "", false}; }

// A channel "train" whose epochs come from a function.
class Source {
 public:
  explicit Source(std::function<std::vector<PipeRecord>(int epoch)> records) {
    channel.name = "train";
    channel.mode = InputMode::pipe;
    channel.records = [records](int, int, int epoch) { return records(epoch); };
    fs::create_directories(data());
  }
  fs::path data() const { return directory_ / "data"; }
  fs::path fifo(int epoch) const { return data() / ("train_" + std::to_string(epoch)); }
  fs::path file(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
    return directory_ / name;
  }
  std::unique_ptr<PipeChannel> start() { return std::make_unique<PipeChannel>(channel, data(), 0, 1); }
  InputChannel channel;

 private:
  TemporaryDirectory directory_;
};

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string framed(const std::string& text) {
  const RecordIoPart part{static_cast<std::uint32_t>(text.size()), 0};
  return record_io_header(part) + text + record_io_padding(part);
}

std::string many_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  unsigned state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

// Whether a thread of this process does.
bool sleeps_in_open() {
  for (const fs::directory_entry& task : fs::directory_iterator("/proc/self/task"))
    if (read_text(task.path() / "syscall").starts_with(std::to_string(SYS_openat) + " ")) return true;
  return false;
}

}  // namespace

TEST_CASE("each epoch is a FIFO of its own, and the next one is there before the last one ends") {
  Source source([](int epoch) {
    return std::vector{text_record("epoch "), text_record(std::to_string(epoch))};
  });
  const auto channel = source.start();
  for (int epoch = 0; epoch < 50; ++epoch) {
    CAPTURE(epoch);
    std::ifstream fifo(source.fifo(epoch));  // exists at once: the last one has ended
    REQUIRE(fifo.is_open());
    const std::string got{std::istreambuf_iterator<char>(fifo), {}};
    CHECK(got == "epoch " + std::to_string(epoch));
    CHECK(fs::is_fifo(source.fifo(epoch + 1)));
  }
  CHECK(!channel->failure());
}

TEST_CASE("a large object passes whole, in constant memory, at the reader's pace") {
  const std::string bytes = many_bytes(5'000'001);
  Source source([&](int) {
    return std::vector{file_record(source.file("large", bytes)), text_record("end")};
  });
  const auto channel = source.start();
  CHECK(read_text(source.fifo(0)) == bytes + "end");
}

TEST_CASE("a reader that closes early gets the next epoch from its beginning") {
  const std::string bytes = many_bytes(4'000'000);
  Source source([&](int epoch) {
    return std::vector{text_record(std::to_string(epoch)), file_record(source.file("large", bytes))};
  });
  const auto channel = source.start();
  for (int epoch = 0; epoch < 20; ++epoch) {
    CAPTURE(epoch);
    REQUIRE(eventually([&] { return fs::exists(source.fifo(epoch)); }));
    const int fifo = ::open(source.fifo(epoch).c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(fifo >= 0);
    if (epoch % 3 != 0) {  // also without having read anything
      char first[2] = "";
      CHECK(::read(fifo, first, 1) == 1);
      CHECK(std::string(first) == std::to_string(epoch).substr(0, 1));
    }
    ::close(fifo);
  }
  CHECK(!channel->failure());
}

TEST_CASE("no reader, a reader that stops reading, and one that took the FIFO away delay no end") {
  Source source([](int) { return std::vector<PipeRecord>(100'000, text_record(std::string(1000, 'x'))); });
  auto channel = source.start();
  int fifo = -1;
  SUBCASE("nobody opens") {}
  SUBCASE("the FIFO is removed") { fs::remove(source.fifo(0)); }
  SUBCASE("the whole folder is replaced") {
    fs::rename(source.data(), source.data().string() + "-old");
    fs::create_directories(source.data());
  }
  SUBCASE("the reader sleeps") {
    fifo = ::open(source.fifo(0).c_str(), O_RDONLY | O_CLOEXEC);
    char byte = 0;
    CHECK(::read(fifo, &byte, 1) == 1);
  }
  const auto begin = std::chrono::steady_clock::now();
  channel.reset();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  if (fifo >= 0) ::close(fifo);
}

TEST_CASE("a FIFO that its reader has made unreadable delays no end") {
  CHECK(as_ordinary_user([] {
          Source source([](int) { return std::vector{text_record("data")}; });
          const auto channel = source.start();
          eventually([] { return sleeps_in_open(); });
          fs::permissions(source.fifo(0), fs::perms::owner_write);
        }) == 0);
}

TEST_CASE("what a job puts in the place of the next FIFO is never written to") {
  Source source([](int epoch) { return std::vector{text_record("secret data " + std::to_string(epoch))}; });
  const fs::path victim = source.file("victim", "untouched");
  const auto channel = source.start();
  SUBCASE("a link in place of one that is not made yet") {
    fs::create_symlink(victim, source.fifo(1));
    CHECK(read_text(source.fifo(0)) == "secret data 0");
    CHECK(fs::is_fifo(fs::symlink_status(source.fifo(1))));
    CHECK(read_text(source.fifo(1)) == "secret data 1");
  }
  SUBCASE("a link in place of the one that waits") {
    fs::remove(source.fifo(0));
    fs::create_symlink(victim, source.fifo(0));
  }
  SUBCASE("a folder in place of one that is not made yet") {
    fs::create_directories(source.fifo(1));
    const int fifo = ::open(source.fifo(0).c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(eventually([&] { return channel->failure().has_value(); }));
    ::close(fifo);
  }
  CHECK(read_text(victim) == "untouched");
}

TEST_CASE("RecordIO frames every record: magic number, length, bytes, padding to four") {
  Source source([&](int) {
    return std::vector{text_record("1"), file_record(source.file("abcd", "abcd")), text_record(""),
                       file_record(source.file("five", "12345"))};
  });
  source.channel.record_io = true;
  const auto channel = source.start();
  const std::string expected = std::string("\x0a\x23\xd7\xce\x01\0\0\0", 8) + std::string("1\0\0\0", 4) +
                               std::string("\x0a\x23\xd7\xce\x04\0\0\0abcd", 12) +
                               std::string("\x0a\x23\xd7\xce\0\0\0\0", 8) +
                               std::string("\x0a\x23\xd7\xce\x05\0\0\0", 8) + std::string("12345\0\0\0", 8);
  CHECK(read_text(source.fifo(0)) == expected);
}

TEST_CASE("a record too long for its length field is written in parts") {
  const auto flags = [](std::uint64_t size) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> parts;
    for (const RecordIoPart& part : runner::record_io_parts(size, 8))
      parts.emplace_back(part.length, part.flag);
    return parts;
  };
  using Parts = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  CHECK(flags(0) == Parts{{0, 0}});
  CHECK(flags(8) == Parts{{8, 0}});
  CHECK(flags(9) == Parts{{8, 1}, {1, 3}});
  CHECK(flags(24) == Parts{{8, 1}, {8, 2}, {8, 3}});
  CHECK(runner::record_io_parts((1ull << 29) + 5).size() == 2);
  CHECK(runner::record_io_header({5, 2}) == std::string("\x0a\x23\xd7\xce\x05\0\0\x40", 8));
}

TEST_CASE("Gzip objects are unpacked on their way, with and without RecordIO") {
  const std::string bytes = many_bytes(700'000) + std::string(700'000, 'a');
  Source source([&](int) {
    return std::vector{file_record(source.file("one.gz", gzip(bytes))),
                       file_record(source.file("two.gz", gzip("first ") + gzip("second")))};
  });
  source.channel.gzip = true;
  SUBCASE("plain") {
    const auto channel = source.start();
    CHECK(read_text(source.fifo(0)) == bytes + "first second");
  }
  SUBCASE("RecordIO") {
    source.channel.record_io = true;
    const auto channel = source.start();
    CHECK(read_text(source.fifo(0)) == framed(bytes) + framed("first second"));
  }
}

TEST_CASE("an object that is no whole gzip stream fails the job and does not look like a short one") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    std::string bytes;
    SUBCASE("no gzip at all") { bytes = "plain text"; }
    SUBCASE("cut off") { bytes = gzip(many_bytes(100'000)).substr(0, 50'000); }
    Job job(sandbox, "cat $ML/input/data/train_0 | wc -c; echo the whole epoch was read\n");
    std::ofstream(job.directory() / "object") << bytes;
    InputChannel channel{.name = "train", .config = json::object()};
    channel.mode = InputMode::pipe;
    channel.gzip = true;
    channel.records = [&](int, int, int) { return std::vector{file_record(job.directory() / "object")}; };
    job.spec.channels = {channel};
    const TrainingOutcome outcome = job.run();
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure_reason.starts_with("ClientError: Data download failed:the object object is not a"));
    CHECK(!job.lines[0].contains("the whole epoch was read"));
  });
}

TEST_CASE("jobs read their pipes epoch by epoch, each host its own") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(
        sandbox,
        "for e in 0 1 2; do echo \"epoch$e=$(cat $ML/input/data/train_$e)\"; done\n"
        "echo folder=$(ls -d $SM_CHANNEL_TRAIN 2>/dev/null)\n"
        "head -c 1 $ML/input/data/train_3 > /dev/null; echo again=$(cat $ML/input/data/train_4 | wc -c)\n");
    job.spec.instance_count = 2;
    InputChannel channel{.name = "train", .config = {{"TrainingInputMode", "Pipe"}}};
    channel.mode = InputMode::pipe;
    channel.records = [](int host, int count, int epoch) {
      std::vector<PipeRecord> records{
          text_record(std::to_string(host) + "/" + std::to_string(count) + " in " + std::to_string(epoch))};
      if (epoch >= 3) records.push_back(text_record(std::string(3'000'000, 'x')));
      return records;
    };
    InputChannel unread = channel;
    unread.name = "unread";
    job.spec.channels = {channel, unread};
    REQUIRE(job.run().kind == Kind::completed);
    for (int host = 0; host < 2; ++host) {
      const std::string prefix = std::to_string(host) + "/2 in ";
      CHECK(job.lines[host].value_of("epoch0") == prefix + "0");
      CHECK(job.lines[host].value_of("epoch1") == prefix + "1");
      CHECK(job.lines[host].value_of("epoch2") == prefix + "2");
      CHECK(job.lines[host].value_of("again") == "3000008");
      CHECK(job.lines[host].value_of("folder") == "");  // there are FIFOs only
    }
    CHECK(job.phases.front() == runner::TrainingPhase::training);  // nothing is downloaded
  });
}

TEST_CASE("a job that has stopped reading its pipe can be stopped") {
  in_both_sandboxes([](const Sandbox& sandbox) {
    Job job(sandbox, "exec 5< $ML/input/data/train_0; echo ready; exec sleep 1000\n");
    InputChannel channel{.name = "train", .config = json::object()};
    channel.mode = InputMode::pipe;
    channel.records = [](int, int, int) {
      return std::vector<PipeRecord>(10'000, text_record(std::string(1000, 'x')));
    };
    job.spec.channels = {channel};
    std::thread stopper([&] {
      CHECK(eventually([&] { return job.lines[0].contains("ready"); }));
      job.stop.request();
    });
    CHECK(job.run().kind == Kind::stopped);
    stopper.join();
  });
}
