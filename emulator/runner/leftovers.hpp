// What an emulator that was killed has left running.
#pragma once

#include <filesystem>

namespace sagemaker::local::runner {

// Kills the sandboxes that were made of folders below `work`, which no other emulator uses. They end with the
// emulator that started them, but for one that it was starting at that moment: bubblewrap's inner process
// waits for the outer one then, which is no more, for ever.
void end_leftovers(const std::filesystem::path& work);

}  // namespace sagemaker::local::runner
