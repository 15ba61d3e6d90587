// Goal: every object falls into its records, in whatever pieces it comes, and what is no framing is refused
// with its record's number. Method: the reader over bytes that were framed here by the formats' documents.
#include <bit>
#include <sstream>

#include <doctest/doctest.h>

#include <sagemaker/aws/crc.hpp>
#include <sagemaker/formats/record_io.hpp>

#include "emulator/services/sagemaker/transform/record_reader.hpp"
#include "tests/unit/transform_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using transform::Record;
using transform::RecordReader;
using transform::Split;
using transform::TransformFailure;

namespace {

using Texts = std::vector<std::string>;

struct Found {
  Texts contents, framed;
};

Found read_all(const std::string& object, Split split, std::size_t piece = SIZE_MAX,
               std::size_t record_bytes_max = 1 << 20) {
  TextSource source(object, piece);
  RecordReader reader(source, split, record_bytes_max);
  Found found;
  for (Record record; reader.next(record);) {
    found.contents.emplace_back(record.content);
    found.framed.emplace_back(record.framed);
  }
  return found;
}

std::string failure(const std::string& object, Split split, std::size_t record_bytes_max = 1 << 20) {
  try {
    read_all(object, split, SIZE_MAX, record_bytes_max);
  } catch (const TransformFailure& error) {
    return error.what();
  }
  return "";
}

std::string record_io(const std::string& content) {
  std::string framed;
  formats::append_recordio(framed, content);
  return framed;
}
std::string record_io_part(std::uint32_t flag, const std::string& content) {
  std::string framed;
  formats::append_little_endian(framed, std::uint32_t{0xced7230a});
  formats::append_little_endian(framed, static_cast<std::uint32_t>(flag << 29 | content.size()));
  return framed + content + std::string((4 - content.size() % 4) % 4, '\0');
}

void append_masked_crc(std::string& framed, std::string_view bytes) {
  formats::append_little_endian(framed, std::rotr(aws::crc32c(bytes), 15) + 0xa282ead8u);
}
std::string tf_record(const std::string& content) {
  std::string framed;
  formats::append_little_endian(framed, std::uint64_t{content.size()});
  append_masked_crc(framed, framed);
  framed += content;
  append_masked_crc(framed, content);
  return framed;
}

const std::string bad_record_io = "Bad RecordIO: ", bad_tf_record = "Bad TFRecord: ";
const char* const too_large = "Too much data for max payload size";

}  // namespace

TEST_CASE("lines end at a line feed, with or without a carriage return, or with the object") {
  const Found found = read_all("one\ntwo\r\n\nfo\rur\nlast", Split::line);
  CHECK(found.contents == Texts{"one", "two", "", "fo\rur", "last"});
  CHECK(found.framed == Texts{"one\n", "two\r\n", "\n", "fo\rur\n", "last"});
  CHECK(read_all("a\n", Split::line).contents == Texts{"a"});
}

TEST_CASE("an object without bytes has no record") {
  for (const Split split : {Split::none, Split::line, Split::record_io, Split::tf_record})
    CHECK(read_all("", split).contents.empty());
}

TEST_CASE("without a split the object is the record") {
  CHECK(read_all("a\nb\n", Split::none, 1).contents == Texts{"a\nb\n"});
}

TEST_CASE("recordIO: framing is removed, parts are joined by the magic number they were cut at") {
  const std::string magic = "\x0a\x23\xd7\xce";
  const std::string object = record_io("12345") + record_io("") + record_io_part(1, "abcd") +
                             record_io_part(2, "efgh") + record_io_part(3, "ij") + record_io("wxyz");
  const Found found = read_all(object, Split::record_io);
  CHECK(found.contents == Texts{"12345", "", "abcd" + magic + "efgh" + magic + "ij", "wxyz"});
  CHECK(found.framed.at(0) == record_io("12345"));
  CHECK(found.framed.at(2).size() == 36);
  std::string again;
  for (const std::string& framed : found.framed) again += framed;
  CHECK(again == object);
}

TEST_CASE("TFRecord: a known record, and empty ones") {
  // As tf.io.TFRecordWriter writes b"hello".
  const std::string hello("\x05\0\0\0\0\0\0\0\xea\xb2\x04\x3ehello", 17);
  CHECK(tf_record("hello").starts_with(hello));
  const Found found = read_all(tf_record("hello") + tf_record("") + tf_record("x"), Split::tf_record);
  CHECK(found.contents == Texts{"hello", "", "x"});
  CHECK(found.framed.at(0) == tf_record("hello"));
}

TEST_CASE("records are the same in whatever pieces the object comes, and however long they are") {
  std::string lines, frames, tensors;
  for (int i = 0; i < 40; ++i) {
    const std::string content(static_cast<std::size_t>(i * i * 97), static_cast<char>('a' + i % 26));
    lines += content + (i % 3 == 0 ? "\r\n" : "\n");
    frames += i % 4 == 0 ? record_io_part(1, content) + record_io_part(3, "end") : record_io(content);
    tensors += tf_record(content);
  }
  for (const auto& [object, split] :
       {std::pair{lines, Split::line}, {frames, Split::record_io}, {tensors, Split::tf_record}}) {
    const Found whole = read_all(object, split);
    CHECK(whole.contents.size() == 40);
    for (const std::size_t piece : {1u, 7u, 4096u}) {
      const Found found = read_all(object, split, piece);
      CHECK(found.contents == whole.contents);
      CHECK(found.framed == whole.framed);
    }
  }
}

TEST_CASE("what is no framing is refused with the number of its record") {
  const std::string good = record_io("good");
  CHECK(failure(good + "12345678", Split::record_io) ==
        bad_record_io + "record 2 does not begin with RecordIO's magic number");
  CHECK(failure(good + good.substr(0, 7), Split::record_io) == bad_record_io + "record 2 is truncated");
  CHECK(failure(good + good.substr(0, 10), Split::record_io) == bad_record_io + "record 2 is truncated");
  CHECK(failure(record_io_part(3, "x"), Split::record_io) == bad_record_io + "record 1 begins in its middle");
  CHECK(failure(record_io_part(1, "x") + good, Split::record_io) == bad_record_io + "record 1 has no end");
  CHECK(failure(record_io_part(1, "x"), Split::record_io) == bad_record_io + "record 1 is truncated");

  const std::string tensor = tf_record("tensor");
  CHECK(failure(tensor + tensor.substr(0, 11), Split::tf_record) == bad_tf_record + "record 2 is truncated");
  CHECK(failure(tensor + tensor.substr(0, 20), Split::tf_record) == bad_tf_record + "record 2 is truncated");
  std::string damaged = tensor;
  damaged[13] ^= 1;
  CHECK(failure(tensor + damaged, Split::tf_record) ==
        bad_tf_record + "record 2 has data whose checksum is wrong");
  damaged = tensor;
  damaged[7] = '\x7f';
  CHECK(failure(damaged, Split::tf_record) ==
        bad_tf_record + "record 1 has a length whose checksum is wrong");
}

TEST_CASE("a record may be as large as a request, whatever frames it") {
  const std::string content(100, 'x');
  const std::vector<std::pair<std::string, Split>> objects = {
      {content, Split::none},
      {content + "\r\n", Split::line},
      {content, Split::line},
      {record_io(content), Split::record_io},
      {record_io_part(1, std::string(48, 'x')) + record_io_part(3, std::string(48, 'x')), Split::record_io},
      {tf_record(content), Split::tf_record}};
  for (const auto& [object, split] : objects) {
    CHECK(failure(object, split, 100) == "");
    CHECK(failure(object, split, 99) == too_large);
  }
}

TEST_CASE("too large a record is refused before it is read") {
  // Its length says what would follow.
  std::string tensor;
  formats::append_little_endian(tensor, std::uint64_t{1} << 60);
  append_masked_crc(tensor, tensor);
  CHECK(failure(tensor, Split::tf_record) == too_large);
  CHECK(failure(tensor, Split::tf_record, SIZE_MAX) == bad_tf_record + "record 1 is truncated");
  CHECK(failure(record_io_part(0, "").substr(0, 4) + "\xff\xff\xff\x1f", Split::record_io) == too_large);

  // A line without end: the source would give bytes for ever.
  class Endless final : public local::runner::ByteSource {
   public:
    std::size_t read(char* target, std::size_t size) override {
      std::fill_n(target, size, 'x');
      return size;
    }
  } endless;
  for (const Split split : {Split::line, Split::none}) {
    RecordReader reader(endless, split, 6 << 20);
    Record record;
    CHECK_THROWS_WITH_AS(reader.next(record), too_large, TransformFailure);
  }
}
