// Cuts the bytes of an object into records on their way through. Memory holds one record at a time, and none
// that is larger than a request may be.
//
// Line: a record ends at \n, which belongs to its frame as does a \r before it; the last may lack it.
// RecordIO: https://mxnet.apache.org/versions/1.9.1/api/faq/recordio, records of several parts put together.
// TFRecord: https://www.tensorflow.org/tutorials/load_data/tfrecord, length and data each with a masked
// CRC-32C. An object without bytes has no record, whatever it is cut by.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "emulator/runner/training/byte_source.hpp"
#include "emulator/services/sagemaker/transform/record_format.hpp"

namespace sagemaker::local::services::transform {

struct Record {
  std::string_view content;  // without what marks where it ends: line ends, lengths, padding
  std::string_view framed;   // as the object has it
};

class RecordReader {
 public:
  // `record_bytes_max`: of a record's content. `source` must outlive this.
  RecordReader(runner::ByteSource& source, Split split, std::size_t record_bytes_max);

  // False at the end of the object. The record holds until the next call. Throws TransformFailure for a frame
  // that is none and for too large a record, and what the source throws.
  bool next(Record& record);

 private:
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  bool fill();                  // with more bytes; false: the object has no more
  bool have(std::size_t size);  // unread; false: the object ends before
  void take(Record& record, std::string_view framed, std::string_view content);

  bool next_whole(Record& record);
  bool next_line(Record& record);
  bool next_record_io(Record& record);
  bool next_tf_record(Record& record);
  [[noreturn]] void fail(const std::string& what) const;

  runner::ByteSource& source_;
  Split split_;
  std::size_t record_bytes_max_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0, end_ = 0;  // of what was read and not yet given
  std::size_t count_ = 0;            // of the records so far, for messages
  std::string joined_;               // a record of several parts
};

// TransformFailure for what does not fit into a request.
[[noreturn]] void fail_too_large();

}  // namespace sagemaker::local::services::transform
