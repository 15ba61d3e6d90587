// What an emulator that was killed has left running.
#pragma once

#include <filesystem>
#include <vector>

#include <sys/types.h>

namespace sagemaker::local::runner {

// Kills the sandboxes that were made of folders below `work`, which no other emulator uses. They end with the
// emulator that started them, but for one that it was starting at that moment: bubblewrap's inner process
// waits for the outer one then, which is no more, for ever. Returns their process ids.
std::vector<pid_t> end_leftovers(const std::filesystem::path& work);

}  // namespace sagemaker::local::runner
