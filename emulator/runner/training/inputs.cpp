// See inputs.hpp.
#include "emulator/runner/training/inputs.hpp"

#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include "emulator/runner/host_tree.hpp"
#include "emulator/runner/training/pipe_channel.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;

constexpr int open_attempts = 5;  // an object that is written anew more often than this is no input

void check_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    throw std::runtime_error("'" + name + "' cannot be the name of a channel");
}

// Hard links of files that are never changed, in a folder that is shown read-only: nothing is copied, and an
// object that is deleted meanwhile stays readable for the job.
Mount link_files(const InputChannel& channel, const InputPlace& place) {
  const fs::path folder = place.read_only / channel.name;
  fs::create_directories(folder);
  InputFolder target(folder);
  bool copied = false;
  for (const InputFile& file : channel.files(place.index, place.count)) {
    if (place.stopped && place.stopped()) throw InputStopped();
    if (!target.place(file.relative_path) || target.link(file.source)) continue;
    const UniqueFd from = open_input(channel, file);  // it was written anew
    if (target.link("/proc/self/fd/" + std::to_string(from.get()))) continue;
    copied = true;
    if (!target.copy(from, place.stopped)) throw InputStopped();
  }
  if (copied && place.say)
    place.say("sagemaker-local: channel " + channel.name +
              ": objects that cannot be linked (another file system, too many links) were copied");
  return {folder, "/opt/ml/input/data/" + channel.name, true};
}

}  // namespace

UniqueFd open_input(const InputChannel& channel, const InputFile& file) {
  const std::string& name = file.uri.empty() ? file.relative_path : file.uri;
  fs::path source = file.source;
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    if (source.empty() && channel.locate) source = channel.locate(file);
    UniqueFd opened(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
    if (opened) return opened;
    if (errno != ENOENT || !channel.locate) checked(-1, "cannot read the data of '" + name + "'");
    source.clear();
  }
  throw std::runtime_error("the object " + name + " is changed faster than it can be read");
}

void copy_input(const InputChannel& channel, const fs::path& folder, const InputPlace& place) {
  InputFolder target(folder);
  for (const InputFile& file : channel.files(place.index, place.count)) {
    if (place.stopped && place.stopped()) throw InputStopped();
    if (!target.place(file.relative_path)) continue;
    const UniqueFd from = open_input(channel, file);
    if (!target.copy(from, place.stopped)) throw InputStopped();
  }
}

ChannelInput bring_input(const InputChannel& channel, const InputPlace& place) {
  check_name(channel.name);
  if (channel.mode == InputMode::pipe)
    return {std::nullopt, std::make_shared<PipeChannel>(channel, place.data, place.index, place.count)};
  fs::create_directories(place.data / channel.name);
  if (!channel.files) return {};
  if (channel.mode == InputMode::fast_file && place.isolated) return {link_files(channel, place), nullptr};
  if (channel.mode == InputMode::fast_file && place.say)
    place.say("sagemaker-local: channel " + channel.name +
              ": input mode FastFile needs bubblewrap on this machine, the objects were copied as for File");
  copy_input(channel, place.data / channel.name, place);
  return {};
}

}  // namespace sagemaker::local::runner
