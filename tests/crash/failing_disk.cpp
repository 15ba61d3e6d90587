// A disk that fails on demand, for LD_PRELOAD: while the file named by FAILING_DISK exists, syncing fails
// with EIO, as it does where a block device lost a write; for all files, or for those whose names end with
// the text in that file. What SQLite and the emulator write still reaches the file: only the promise that it
// is safe is broken.
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include <dlfcn.h>
#include <unistd.h>

namespace {

bool fails(int descriptor) {
  const char* const switch_file = std::getenv("FAILING_DISK");
  if (!switch_file || ::access(switch_file, F_OK) != 0) return false;
  std::string ending;
  std::ifstream(switch_file) >> ending;
  std::error_code error;
  const auto name = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
  return !error && name.string().ends_with(ending);
}

int sync_unless_failing(const char* function, int descriptor) {
  if (fails(descriptor)) {
    errno = EIO;
    return -1;
  }
  using Sync = int (*)(int);
  return reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, function))(descriptor);
}

}  // namespace

extern "C" int fdatasync(int descriptor) { return sync_unless_failing("fdatasync", descriptor); }
extern "C" int fsync(int descriptor) { return sync_unless_failing("fsync", descriptor); }

// An emulator with AddressSanitizer refuses to begin behind another library, unless this one tells it not to.
extern "C" const char* __asan_default_options() { return "verify_asan_link_order=0"; }
