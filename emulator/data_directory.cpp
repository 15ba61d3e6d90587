#include "emulator/data_directory.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sagemaker::local {
namespace {

constexpr std::chrono::milliseconds last_of_the_dead{5'000}, pause{10};

// The process id in the lock file, as text; "" where there is none.
std::string holder_of(int lock) {
  char text[32] = {};
  const ssize_t size = ::pread(lock, text, sizeof text - 1, 0);
  return size > 0 ? std::string(text) : std::string();
}

bool is_dead(const std::string& holder) {
  const long pid = std::strtol(holder.c_str(), nullptr, 10);
  return pid > 0 && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

// Where an emulator was killed in the moment in which it started a program, that still holds its lock until
// it has become that program.
bool lock(int file) {
  const auto until = std::chrono::steady_clock::now() + last_of_the_dead;
  for (bool told = false; ::flock(file, LOCK_EX | LOCK_NB) != 0; told = true) {
    const std::string holder = holder_of(file);
    if (!is_dead(holder) || std::chrono::steady_clock::now() >= until) return false;
    if (!told) spdlog::info("waiting for what sagemaker-local with process id {} has left behind", holder);
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace

DataDirectory::DataDirectory(const std::filesystem::path& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error)
    throw std::runtime_error("cannot make the data directory " + path.string() + ": " + error.message());
  path_ = std::filesystem::canonical(path);
  // Ours to close to others; a folder that was there keeps the permissions that somebody gave it.
  if (made) std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  const std::filesystem::path lock_file = path_ / "lock";
  lock_ = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0)
    throw std::runtime_error("cannot open " + lock_file.string() + ": " +
                             std::generic_category().message(errno));
  if (!lock(lock_)) {
    const std::string holder = holder_of(lock_);
    ::close(lock_);
    throw std::runtime_error("the data directory " + path_.string() +
                             " is in use by sagemaker-local with process id " +
                             (holder.empty() ? "unknown" : holder));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock_, 0) != 0 || ::pwrite(lock_, pid.data(), pid.size(), 0) < 0)
    throw std::runtime_error("cannot write " + lock_file.string() + ": " +
                             std::generic_category().message(errno));
  std::filesystem::create_directories(work());
  // The records hold the secrets of temporary credentials. SQLite gives its own files beside it the same
  // mode.
  const int records = ::open(records_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool closed_to_others = records >= 0 && ::fchmod(records, 0600) == 0;
  const int reason = errno;
  if (records >= 0) ::close(records);
  if (!closed_to_others)
    throw std::runtime_error("cannot open " + records_file().string() + ": " +
                             std::generic_category().message(reason));
}

DataDirectory::~DataDirectory() { ::close(lock_); }

}  // namespace sagemaker::local
