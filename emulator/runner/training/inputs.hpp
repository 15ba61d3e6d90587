// What a channel of a training job holds, and how it comes to a host: copied before the start (File), shown
// read-only where it lies (FastFile), or streamed through FIFOs, one an epoch (Pipe).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/container.hpp"
#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

enum class InputMode { file, fast_file, pipe };

struct InputFile {
  std::string relative_path;  // below /opt/ml/input/data/<channel>/; validated by the runner against escapes
  // Where the bytes lie on this machine; empty: InputChannel::locate knows.
  std::filesystem::path source{};
  std::string uri{};  // what the job's owner calls it, for messages and for InputChannel::locate
};

// What a Pipe channel streams as one piece: the bytes of a file, or a text.
struct PipeRecord {
  InputFile file{};
  std::string text{};
  bool is_text = false;
};

struct InputChannel {
  std::string name;
  json config;  // its entry of inputdataconfig.json:
                // {"TrainingInputMode":"File","S3DistributionType":"FullyReplicated",...}
  // The files for one of the hosts that get this channel (0-based); called when the job downloads. May throw
  // std::runtime_error: the job fails with it. Not for Pipe.
  std::function<std::vector<InputFile>(int host_index, int host_count)> files{};
  InputMode mode = InputMode::file;
  // For Pipe: what one epoch (0, 1, ...) streams to a host, in this order. Called at the start of each epoch,
  // from several threads. May throw as `files`.
  std::function<std::vector<PipeRecord>(int host_index, int host_count, int epoch)> records{};
  bool gzip = false;                  // Pipe: objects are unpacked on their way
  bool record_io = false;             // Pipe: every record is framed as RecordIO
  std::vector<std::string> groups{};  // the instance groups that get this channel; empty: all
  // Where the bytes of an input lie now: for one without a source, or whose source is gone because the object
  // was written anew. Throws std::runtime_error where there is no such object.
  std::function<std::filesystem::path(const InputFile& file)> locate{};
};

// The bytes of an input, open for reading. Throws std::runtime_error with its name where they are gone.
UniqueFd open_input(const InputChannel& channel, const InputFile& file);

class PipeChannel;

// One host that gets a channel.
struct InputPlace {
  std::filesystem::path data;          // its /opt/ml/input/data on this machine
  std::filesystem::path read_only;     // a folder of its own that no container can write; made here
  bool isolated = false;               // mounts are possible
  int index = 0, count = 1;            // which of the hosts that get the channel
  std::function<bool()> stopped = {};  // asked often; true ends the work with InputStopped
  std::function<void(const std::string& line)> say = {};  // a line for the job's log
};
struct InputStopped {};

// What has to be done for the container, and lives as long as it does.
struct ChannelInput {
  std::optional<Mount> mount;         // FastFile
  std::shared_ptr<PipeChannel> pipe;  // Pipe; its first FIFO is there
};

// Copies the files of a channel into a folder. Of `place` only the host and `stopped` matter. Throws as
// bring_input.
void copy_input(const InputChannel& channel, const std::filesystem::path& folder, const InputPlace& place);

// Brings a channel to a host. Throws std::runtime_error, which tells what cannot be read; InputStopped.
ChannelInput bring_input(const InputChannel& channel, const InputPlace& place);

}  // namespace sagemaker::local::runner
