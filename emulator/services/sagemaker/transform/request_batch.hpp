// What one request carries: records put together up to the size that the job allows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/services/sagemaker/transform/object_transform.hpp"
#include "emulator/services/sagemaker/transform/record_reader.hpp"

namespace sagemaker::local::services::transform {

struct RequestBatch {
  std::string body;
  std::size_t records = 0;
  // The records' contents as the object has them, one behind the other, and where each ends: kept only where
  // the output is joined with them.
  std::string originals;
  std::vector<std::size_t> original_ends;

  std::size_t bytes() const { return body.size() + originals.size(); }
  std::string_view original(std::size_t record) const {
    const std::size_t begin = record == 0 ? 0 : original_ends[record - 1];
    return std::string_view(originals).substr(begin, original_ends[record] - begin);
  }
};

class BatchReader {
 public:
  // Both must outlive this.
  BatchReader(const ObjectSettings& settings, RecordReader& records);

  // False at the end of the object. Throws what the reader does, and TransformFailure for a record that is
  // not what the input filter needs.
  bool next(RequestBatch& batch);

 private:
  bool advance();                              // to the next record; false: there is none
  bool fits(const RequestBatch& batch) const;  // the record beside those that are in the batch
  void append(RequestBatch& batch) const;

  const ObjectSettings& settings_;
  RecordReader& records_;
  const std::size_t bytes_max_;
  bool pending_ = false;  // record_ was read and is in no batch yet
  Record record_;
  std::string_view bytes_;  // of record_ in a request
  std::string filtered_;
};

// TransformFailure for what `read` throws as a RecordError.
template <class Read>
auto with_record_errors(Read&& read) {
  try {
    return read();
  } catch (const RecordError& error) {
    throw TransformFailure(error.what());
  }
}

}  // namespace sagemaker::local::services::transform
