// See pipe_channel.hpp. A thread a channel. While nobody reads, it sleeps in open(2) on the FIFO; to end it,
// the emulator itself opens the other end. The FIFO is held by a descriptor and not by its name from the
// moment it is made: the folder belongs to the job, which may put something else there.
#include "emulator/runner/training/pipe_channel.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/runner/process.hpp"
#include "emulator/runner/training/byte_source.hpp"
#include "emulator/runner/training/record_io.hpp"

namespace sagemaker::local::runner {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr int pipe_bytes = 1024 * 1024;  // what a reader may lag behind before the writer waits

struct Stopped {};
struct ReaderGone {};  // it closed before the end: the next epoch follows

std::string descriptor_path(const UniqueFd& descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor.get());
}

UniqueFd reopen(const UniqueFd& path, int flags) {
  const std::string name = descriptor_path(path);
  for (;;) {
    UniqueFd opened(::open(name.c_str(), flags | O_CLOEXEC));
    if (opened || errno != EINTR) return opened;
  }
}

}  // namespace

class PipeChannel::Writer {
 public:
  Writer(const InputChannel& channel, const std::filesystem::path& folder, int host_index, int host_count)
      : channel_(channel),
        folder_(checked(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), folder)),
        host_index_(host_index),
        host_count_(host_count),
        wake_(make_event()),
        buffer_(buffer_bytes),
        first_epoch_(channel.records(host_index, host_count, 0)),
        next_(make_fifo(0)),
        thread_([this] { run(); }) {}

  ~Writer() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;  // from now on current_ stays what it is
    }
    signal_event(wake_);
    const UniqueFd reader = read_current();  // until the thread has ended: its open() may be about to begin
    thread_.join();
  }

  std::optional<std::string> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  // The other end of the FIFO that the thread may sleep on. The job may have taken the right to read it away,
  // and descriptors may be rare: without this end the thread would sleep for ever.
  UniqueFd read_current() const {
    UniqueFd reader;
    while (current_ && !ended_) {
      reader = reopen(current_, O_RDONLY | O_NONBLOCK);
      if (reader) break;
      ::chmod(descriptor_path(current_).c_str(), 0666);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return reader;
  }

  std::string name_of(int epoch) const { return channel_.name + "_" + std::to_string(epoch); }

  UniqueFd make_fifo(int epoch) const {
    const std::string name = name_of(epoch);
    if (::mkfifoat(folder_.get(), name.c_str(), 0666) != 0) {
      ::unlinkat(folder_.get(), name.c_str(), 0);  // the job's own
      checked(::mkfifoat(folder_.get(), name.c_str(), 0666), "cannot make the FIFO " + name);
    }
    UniqueFd fifo(checked(::openat(folder_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC),
                          "cannot open the FIFO " + name));
    struct stat status {};
    if (::fstat(fifo.get(), &status) != 0 || !S_ISFIFO(status.st_mode))
      throw std::runtime_error(name + " was replaced by something that is no FIFO");
    return fifo;
  }

  void run() {
    stream_all();
    ended_ = true;
  }

  void stream_all() {
    // A reader that is gone is told by EPIPE; nothing else of this process shall hear of it.
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    try {
      for (int epoch = 0;; ++epoch) stream(epoch);
    } catch (const Stopped&) {
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      failure_ = error.what();
      return;  // the end stays open: what the reader got so far must not look like all of it
    }
    end_.reset();
  }

  void stream(int epoch) {
    wait_for_reader();
    // Before the reader can ask for it: it will be gone from here in a moment.
    next_ = make_fifo(epoch + 1);
    try {
      const std::vector<PipeRecord> records =
          epoch == 0 ? std::move(first_epoch_) : channel_.records(host_index_, host_count_, epoch);
      for (const PipeRecord& record : records) send(record);
    } catch (const ReaderGone&) {
    }
    // A second reader of this epoch would wait for ever.
    ::unlinkat(folder_.get(), name_of(epoch).c_str(), 0);
    end_.reset();
  }

  void wait_for_reader() {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) throw Stopped();
      current_ = std::move(next_);
    }
    end_ = reopen(current_, O_WRONLY);
    checked(end_.get(), "cannot write to a FIFO of channel " + channel_.name);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) throw Stopped();
    }
    ::fcntl(end_.get(), F_SETFL, O_WRONLY | O_NONBLOCK);
    ::fcntl(end_.get(), F_SETPIPE_SZ, pipe_bytes);  // where this user may have so much
  }

  // ---- records --------------------------------------------------------------------------------

  void send(const PipeRecord& record) {
    if (record.is_text) {
      if (!channel_.record_io) return write(record.text.data(), record.text.size());
      std::size_t at = 0;
      for (const RecordIoPart& part : record_io_parts(record.text.size())) {
        write(record_io_header(part));
        write(record.text.data() + at, part.length);
        write(record_io_padding(part));
        at += part.length;
      }
      return;
    }
    const UniqueFd file = open_input(channel_, record.file);
    const std::string& name = record.file.uri.empty() ? record.file.relative_path : record.file.uri;
    const auto source = byte_source(file, channel_.gzip, name);
    if (!channel_.record_io) {
      while (const std::size_t length = source->read(buffer_.data(), buffer_.size()))
        write(buffer_.data(), length);
      return;
    }
    for (const RecordIoPart& part : record_io_parts(size_of(file, name))) {
      write(record_io_header(part));
      for (std::size_t left = part.length; left > 0;) {
        const std::size_t length = source->read(buffer_.data(), std::min(left, buffer_.size()));
        if (length == 0) throw std::runtime_error("the object " + name + " became shorter while it was read");
        write(buffer_.data(), length);
        left -= length;
      }
      write(record_io_padding(part));
    }
  }

  // The length stands before the bytes, so packed ones are unpacked twice.
  std::uint64_t size_of(const UniqueFd& file, const std::string& name) {
    if (!channel_.gzip) {
      struct stat status {};
      checked(::fstat(file.get(), &status), name);
      return static_cast<std::uint64_t>(status.st_size);
    }
    std::uint64_t size = 0;
    const auto source = byte_source(file, true, name);
    while (const std::size_t length = source->read(buffer_.data(), buffer_.size())) {
      size += length;
      wait_until_writable(0);
    }
    return size;
  }

  void write(const std::string& bytes) { write(bytes.data(), bytes.size()); }

  void write(const char* bytes, std::size_t size) {
    while (size > 0) {
      if (stopped_) throw Stopped();
      const ssize_t written = ::write(end_.get(), bytes, size);
      if (written > 0) {
        bytes += written;
        size -= static_cast<std::size_t>(written);
      } else if (errno == EPIPE) {
        throw ReaderGone();
      } else if (errno == EAGAIN) {
        wait_until_writable(-1);
      } else if (errno != EINTR) {
        checked(-1, "cannot write to a FIFO of channel " + channel_.name);
      }
    }
  }

  void wait_until_writable(int timeout_ms) {
    std::array<pollfd, 2> watched{{{end_.get(), POLLOUT, 0}, {wake_.get(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), timeout_ms);
    if (watched[1].revents != 0) throw Stopped();
    if (watched[0].revents & POLLERR) throw ReaderGone();
  }

  const InputChannel& channel_;
  const UniqueFd folder_;
  const int host_index_, host_count_;
  const UniqueFd wake_;
  std::vector<char> buffer_;
  std::vector<PipeRecord> first_epoch_;
  UniqueFd next_;  // the FIFO that the next reader will open
  UniqueFd end_;   // the open one's writing end

  mutable std::mutex mutex_;
  UniqueFd current_;  // the FIFO that is waited on or written to
  std::atomic<bool> stopped_ = false, ended_ = false;
  std::optional<std::string> failure_;
  std::thread thread_;  // last: it uses all of the above
};

PipeChannel::PipeChannel(const InputChannel& channel, const std::filesystem::path& folder, int host_index,
                         int host_count)
    : writer_(std::make_unique<Writer>(channel, folder, host_index, host_count)) {}
PipeChannel::~PipeChannel() = default;

std::optional<std::string> PipeChannel::failure() const { return writer_->failure(); }

}  // namespace sagemaker::local::runner
