// A disk that fails on demand, for LD_PRELOAD: while the file named by FAILING_DISK exists, syncing fails
// with EIO, as it does where a block device lost a write. What SQLite and the emulator write still reaches
// the file: only the promise that it is safe is broken.
#include <cerrno>
#include <cstdlib>

#include <dlfcn.h>
#include <unistd.h>

namespace {

bool fails() {
  const char* const switch_file = std::getenv("FAILING_DISK");
  return switch_file && ::access(switch_file, F_OK) == 0;
}

int sync_unless_failing(const char* function, int descriptor) {
  if (fails()) {
    errno = EIO;
    return -1;
  }
  using Sync = int (*)(int);
  return reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, function))(descriptor);
}

}  // namespace

extern "C" int fdatasync(int descriptor) { return sync_unless_failing("fdatasync", descriptor); }
extern "C" int fsync(int descriptor) { return sync_unless_failing("fsync", descriptor); }
