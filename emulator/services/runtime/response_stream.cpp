#include "emulator/services/runtime/response_stream.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "emulator/waiting.hpp"

namespace sagemaker::local::services::runtime {

// Two threads meet here: that of the container, which waits until its piece was taken, and that of the
// client.
struct ResponseStream::Exchange {
  InvokeRequest request;
  std::string body;

  std::mutex mutex;
  std::condition_variable changed;
  InvokeResponse head;
  std::string_view piece;  // in the memory of the container's thread, which waits while it is here
  bool begun = false, ended = false, cancelled = false;
  End end = End::complete;
  std::exception_ptr fault;  // why there is no answer, or no end of it

  void run(Gateway& gateway) noexcept;
  bool offer(std::string_view bytes);
  void cancel();
};

void ResponseStream::Exchange::run(Gateway& gateway) noexcept {
  request.body = body;
  ForwardResult result;
  ForwardOptions options = gateway.usual_options();
  options.on_response = [this](const InvokeResponse& response) {
    const std::lock_guard lock(mutex);
    head = response;
    begun = true;
    changed.notify_all();
  };
  options.on_piece = [this](std::string_view bytes) { return offer(bytes); };
  std::exception_ptr failure;
  End how = End::complete;
  try {
    gateway.invoke(request, options, result);
  } catch (const ServiceFault&) {
    failure = std::current_exception();
    const bool late = result.answer.kind == runner::InvocationResult::Kind::timed_out;
    how = late ? End::time_exceeded : End::broken;
  } catch (...) {
    failure = std::current_exception();
    how = End::failed;
  }
  const std::lock_guard lock(mutex);
  fault = std::move(failure);
  end = how;
  ended = true;
  changed.notify_all();
}

bool ResponseStream::Exchange::offer(std::string_view bytes) {
  if (bytes.empty()) return true;
  std::unique_lock lock(mutex);
  piece = bytes;
  changed.notify_all();
  changed.wait(lock, [this] { return piece.empty() || cancelled; });
  piece = {};
  return !cancelled;
}

void ResponseStream::Exchange::cancel() {
  const std::lock_guard lock(mutex);
  cancelled = true;
  changed.notify_all();
}

ResponseStream::~ResponseStream() { exchange_->cancel(); }

const InvokeResponse& ResponseStream::head() const { return exchange_->head; }

ResponseStream::End ResponseStream::read(const std::function<bool(std::string_view piece)>& sink) {
  Exchange& exchange = *exchange_;
  std::unique_lock lock(exchange.mutex);
  for (;;) {
    {
      const Waiting waiting;
      exchange.changed.wait(lock, [&] { return !exchange.piece.empty() || exchange.ended; });
    }
    if (exchange.piece.empty()) return exchange.end;
    const std::string_view piece = exchange.piece;
    lock.unlock();
    const bool taken = sink(piece);
    lock.lock();
    exchange.piece = {};
    exchange.cancelled = !taken;
    exchange.changed.notify_all();
    if (!taken) return End::abandoned;
  }
}

std::shared_ptr<ResponseStream> ResponseStreams::open(InvokeRequest request, std::string body) {
  const auto exchange = std::make_shared<ResponseStream::Exchange>();
  exchange->request = std::move(request);
  exchange->body = std::move(body);
  tasks_.run([this, exchange] { exchange->run(gateway_); });
  std::shared_ptr<ResponseStream> stream(new ResponseStream(exchange));
  const Waiting waiting;
  std::unique_lock lock(exchange->mutex);
  exchange->changed.wait(lock, [&] { return exchange->begun || exchange->ended; });
  if (!exchange->begun && exchange->fault) std::rethrow_exception(exchange->fault);
  return stream;
}

}  // namespace sagemaker::local::services::runtime
