// See object_transform.hpp.
#include "emulator/services/sagemaker/transform/object_transform.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "emulator/runner/unique_fd.hpp"
#include "emulator/services/sagemaker/transform/answer.hpp"
#include "emulator/services/sagemaker/transform/ordered_requests.hpp"
#include "emulator/services/sagemaker/transform/record_reader.hpp"
#include "emulator/services/sagemaker/transform/request_batch.hpp"

namespace sagemaker::local::services::transform {
namespace {

constexpr std::size_t filtered_record_bytes_max = 100u << 20;  // as large as the largest request

// The object's bytes as long as the job is not stopped. Bytes that cannot be unpacked are the object's fault;
// a disk that cannot be read is this machine's.
class ObjectBytes final : public runner::ByteSource {
 public:
  ObjectBytes(runner::ByteSource& source, const std::function<bool()>& stopped)
      : source_(source), stopped_(stopped) {}

  std::size_t read(char* target, std::size_t size) override {
    if (stopped_()) throw TransformStopped{};
    try {
      return source_.read(target, size);
    } catch (const std::system_error&) {
      throw;
    } catch (const std::runtime_error& error) {
      throw TransformFailure(error.what());
    }
  }

 private:
  runner::ByteSource& source_;
  const std::function<bool()>& stopped_;
};

// Small writes are put together.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path)
      : path_(path.string()),
        file_(runner::checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
                              "cannot create " + path_)) {}

  void write(std::string_view bytes) {
    if (bytes.empty()) return;
    last_ = bytes.back();
    if (gathered_.size() + bytes.size() > gathered_bytes_max) flush();
    if (bytes.size() > gathered_bytes_max) {
      write_out(bytes);
    } else {
      gathered_ += bytes;
    }
  }
  void flush() {
    write_out(gathered_);
    gathered_.clear();
  }
  bool ends_with_newline() const { return last_ == '\n'; }

 private:
  static constexpr std::size_t gathered_bytes_max = 64 * 1024;

  void write_out(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw std::system_error(errno, std::generic_category(), "cannot write " + path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::string path_;
  runner::UniqueFd file_;
  std::string gathered_;
  char last_ = '\0';
};

// The whole object is one request, whose answer is written while it comes.
void stream_object(const ObjectSettings& settings, ObjectBytes& input, OutputFile& output,
                   const SendRequest& send, const std::function<bool()>& stopped) {
  std::string begin(64 * 1024, '\0');  // read ahead, to know whether there is anything to send
  begin.resize(input.read(begin.data(), begin.size()));
  if (begin.empty()) return;
  // What breaks here comes back through a sender that takes it for a broken connection.
  std::exception_ptr fault;
  const auto keeping_fault = [&fault](const auto& call) {
    try {
      return call();
    } catch (...) {
      fault = std::current_exception();
      throw;
    }
  };
  std::string_view ahead = begin;
  RequestBody body;
  body.pull = [&](char* target, std::size_t size) {
    return keeping_fault([&] {
      if (ahead.empty()) return input.read(target, size);
      const std::size_t taken = ahead.copy(target, size);
      ahead.remove_prefix(taken);
      return taken;
    });
  };
  bool was_stopped = false;
  try {
    send(body, [&](std::string_view piece) {
      return keeping_fault([&] {
        was_stopped = was_stopped || stopped();
        if (!was_stopped) output.write(piece);
        return !was_stopped;
      });
    });
  } catch (...) {
    if (was_stopped) throw TransformStopped{};
    if (fault) std::rethrow_exception(fault);
    throw;
  }
  if (was_stopped) throw TransformStopped{};
  if (fault) std::rethrow_exception(fault);
  if (settings.assemble == Assembly::line && !output.ends_with_newline()) output.write("\n");
}

void transform_records(const ObjectSettings& settings, ObjectBytes& input, OutputFile& output,
                       const SendRequest& send, const std::function<bool()>& stopped) {
  std::size_t record_bytes_max =
      settings.payload_bytes_max > 0 ? settings.payload_bytes_max : std::numeric_limits<std::size_t>::max();
  // Of a record that is filtered, what is left has to fit.
  if (settings.processing != nullptr)
    record_bytes_max = std::max(record_bytes_max, filtered_record_bytes_max);
  RecordReader records(input, settings.split, record_bytes_max);
  BatchReader batches(settings, records);
  const auto send_batch = [&](RequestBatch& batch) {
    RequestBody body;
    body.bytes = batch.body;
    std::string answer = send(body, {});
    batch.body = {};  // what is written needs the records only
    return written_answer(settings, batch, std::move(answer));
  };
  RequestBatch batch, next;
  if (!batches.next(batch)) return;
  if (!batches.next(next)) {  // most objects are small: they need no threads
    output.write(send_batch(batch));
    return;
  }
  OrderedRequests requests(
      settings.concurrent_requests,
      {send_batch, [&output](std::string_view answer) { output.write(answer); }, stopped});
  requests.put(std::move(batch));
  do {
    requests.put(std::move(next));
  } while (batches.next(next));
  requests.finish();
}

// What the output needs of the records cannot be taken from a stream.
bool is_streamed(const ObjectSettings& settings) {
  return settings.payload_bytes_max == 0 &&
         (settings.split == Split::none || settings.strategy == Strategy::multi_record) &&
         settings.processing == nullptr && !settings.inference_id;
}

}  // namespace

void transform_object(const ObjectSettings& settings, runner::ByteSource& input,
                      const std::filesystem::path& target, const SendRequest& send,
                      const std::function<bool()>& stopped) {
  OutputFile output(target);
  ObjectBytes bytes(input, stopped);
  (is_streamed(settings) ? stream_object : transform_records)(settings, bytes, output, send, stopped);
  output.flush();
  if (stopped()) throw TransformStopped{};
}

}  // namespace sagemaker::local::services::transform
