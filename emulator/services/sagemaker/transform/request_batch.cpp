// See request_batch.hpp.
#include "emulator/services/sagemaker/transform/request_batch.hpp"

#include <limits>

namespace sagemaker::local::services::transform {
namespace {

// Of the records that a join needs: where the input filter leaves little of them, many more fit into a
// request than into memory.
constexpr std::size_t originals_bytes_max = 32u << 20;
// Of several records in a request that may be of any size, as large as the largest limit; a record that is
// larger is a request of its own.
constexpr std::size_t unlimited_batch_bytes_max = 100u << 20;

}  // namespace

BatchReader::BatchReader(const ObjectSettings& settings, RecordReader& records)
    : settings_(settings),
      records_(records),
      bytes_max_(settings.payload_bytes_max > 0 ? settings.payload_bytes_max
                                                : std::numeric_limits<std::size_t>::max()) {}

bool BatchReader::next(RequestBatch& batch) {
  batch = {};
  if (!pending_ && !advance()) return false;
  if (bytes_.size() > bytes_max_) {
    // A line that only just fits is sent without its end, and alone.
    if (settings_.split != Split::line || settings_.strategy == Strategy::single_record) fail_too_large();
    bytes_.remove_suffix(record_.framed.size() - record_.content.size());
    if (bytes_.size() > bytes_max_) fail_too_large();
    append(batch);
    pending_ = false;
    return true;
  }
  do {
    append(batch);
    pending_ = false;
  } while (settings_.strategy == Strategy::multi_record && advance() && fits(batch));
  return true;
}

bool BatchReader::fits(const RequestBatch& batch) const {
  const std::size_t body_max = settings_.payload_bytes_max > 0 ? bytes_max_ : unlimited_batch_bytes_max;
  if (batch.body.size() + bytes_.size() > body_max) return false;
  return batch.originals.empty() || batch.originals.size() + record_.content.size() <= originals_bytes_max;
}

bool BatchReader::advance() {
  pending_ = records_.next(record_);
  if (!pending_) return false;
  const bool single = settings_.strategy == Strategy::single_record;
  bytes_ = single ? record_.content : record_.framed;
  if (settings_.processing == nullptr) return true;
  filtered_ = with_record_errors([&] { return settings_.processing->input(record_.content); });
  if (!single) filtered_ += record_.framed.substr(record_.content.size());
  bytes_ = filtered_;
  return true;
}

void BatchReader::append(RequestBatch& batch) const {
  batch.body += bytes_;
  ++batch.records;
  if (settings_.processing == nullptr || !settings_.processing->joins()) return;
  batch.originals += record_.content;
  batch.original_ends.push_back(batch.originals.size());
}

}  // namespace sagemaker::local::services::transform
