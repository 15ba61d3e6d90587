// Pipe mode for one channel of one host: FIFOs CHANNEL_0, CHANNEL_1, ..., each of which gives one epoch of
// the data to whoever opens it, and then ends. Source: the developer guide's "How Amazon SageMaker provides
// training information": an algorithm reads to the end or closes early, then opens the next epoch.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "emulator/runner/training/inputs.hpp"

namespace sagemaker::local::runner {

class PipeChannel {
 public:
  // Lists the first epoch and makes its FIFO in `folder`, whose entries the job may replace as it likes. The
  // channel must outlive this. Throws std::runtime_error where the data cannot be listed.
  PipeChannel(const InputChannel& channel, const std::filesystem::path& folder, int host_index,
              int host_count);
  ~PipeChannel();  // ends at once, whatever the reader does
  PipeChannel(const PipeChannel&) = delete;
  PipeChannel& operator=(const PipeChannel&) = delete;

  // Why no more data comes, where that is not the reader's doing.
  std::optional<std::string> failure() const;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace sagemaker::local::runner
