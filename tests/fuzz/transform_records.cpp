// The readers that cut the objects of a batch transform job into records: they end, give back all the bytes
// they took and no more, and find the same in whatever pieces an object comes.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/formats/record_io.hpp>

#include "emulator/services/sagemaker/transform/object_transform.hpp"
#include "emulator/services/sagemaker/transform/record_reader.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

namespace transform = local::services::transform;

class Pieces final : public local::runner::ByteSource {
 public:
  Pieces(std::string_view text, int division) : text_(text), division_(division) {}
  std::size_t read(char* target, std::size_t size) override {
    state_ = state_ * 31 + 7;
    const std::size_t piece = division_ == 0 ? size : division_ == 1 ? 1 : 1 + state_ % 7;
    const std::size_t taken = text_.copy(target, std::min(size, piece));
    text_.remove_prefix(taken);
    return taken;
  }

 private:
  std::string_view text_;
  int division_;
  std::size_t state_ = 1;
};

struct Found {
  std::vector<std::string> contents;
  std::string framed, failure;
  bool operator==(const Found&) const = default;
};

Found read_all(std::string_view object, transform::Split split, std::size_t record_bytes_max, int division) {
  Pieces pieces(object, division);
  transform::RecordReader reader(pieces, split, record_bytes_max);
  Found found;
  try {
    for (transform::Record record; reader.next(record);) {
      require(!record.framed.empty(), "every record takes bytes");
      require(record.content.size() <= record_bytes_max, "no record is larger than allowed");
      found.contents.emplace_back(record.content);
      found.framed += record.framed;
    }
  } catch (const transform::TransformFailure& failure) {
    found.failure = failure.what();
    require(!found.failure.empty(), "a refusal says why");
  }
  return found;
}

void check(std::string_view input) {
  Choices choices(input);
  constexpr transform::Split splits[] = {transform::Split::none, transform::Split::line,
                                         transform::Split::record_io, transform::Split::tf_record};
  const transform::Split split = splits[choices.below(4)];
  const std::size_t record_bytes_max = choices.coin() ? SIZE_MAX : choices.below(64);
  const Found found = read_all(input, split, record_bytes_max, 0);
  require(input.starts_with(found.framed), "records follow each other as in the object");
  require(!found.failure.empty() || found.framed == input, "nothing is left out");
  for (int division = 1; division < divisions; ++division)
    require(read_all(input, split, record_bytes_max, division) == found, "pieces make no difference");
}

std::string record_io_seed() {
  std::string framed("\x02\x01", 2);
  for (const std::string_view content : {"hello", "", "worlds"}) formats::append_recordio(framed, content);
  return framed;
}

// As tf.io.TFRecordWriter writes b"hello".
const char tf_record_seed[] = "\x03\x01\x05\0\0\0\0\0\0\0\xea\xb2\x04\x3ehello\xbb\x1f\x1c\x19";

const Registered records({"transform_records",
                          check,
                          {"\x01\x01one\ntwo\r\n\nlast", std::string("\0\x01whole", 7), record_io_seed(),
                           std::string(tf_record_seed, sizeof tf_record_seed - 1)},
                          {"\r\n", "\x0a\x23\xd7\xce", std::string("\x01\0\0\x20", 4),
                           std::string("\x04\0\0\x40", 4), std::string("\x04\0\0\x60", 4)}});

}  // namespace
}  // namespace sagemaker::fuzz
