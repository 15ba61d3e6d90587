// The answer of an endpoint while it is still being made: the event stream of
// InvokeEndpointWithResponseStream as a range of byte pieces or of lines. The names are those of the
// SageMaker Python SDK's iterators.
//   for (const std::string& piece : output.body) std::fwrite(piece.data(), 1, piece.size(), stdout);
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/event_stream.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/transport.hpp>

namespace sagemaker {

// The model's container failed while it was answering. code(): "ModelInvocationTimeExceeded" where it took
// too long, "StreamBroken" where the connection to it broke.
class ModelStreamError : public Error {
 public:
  ModelStreamError(const std::string& message, std::string code)
      : Error(code.empty() ? message : message + " (Code: " + code + ")"), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// The service failed while it was answering.
class InternalStreamFailure : public Error {
 public:
  using Error::Error;
};

namespace detail {

// Runs an exchange in a thread of its own and hands over its head and its bytes as they arrive. A reader that
// is slow makes the sender wait; one that goes away closes the connection.
class BodyPump final : public aws::BodySink {
 public:
  // `exchange` sends the request with this sink and the token that ends it.
  using Exchange = std::function<void(aws::BodySink& sink, std::stop_token stop)>;

  explicit BodyPump(Exchange exchange)
      : thread_([this, exchange = std::move(exchange)](std::stop_token stop) { run(exchange, stop); }) {}
  ~BodyPump() override {
    {
      const std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    changed_.notify_all();
    thread_.request_stop();  // and is joined by its destructor
  }
  BodyPump(const BodyPump&) = delete;
  BodyPump& operator=(const BodyPump&) = delete;

  // Waits for the head of the answer. Throws what the exchange threw where none came.
  const aws::HttpResponse& head() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return head_ || ended_; });
    if (!head_) std::rethrow_exception(failure_ ? failure_ : unanswered());
    return *head_;
  }
  // The next bytes; nothing at the end. Throws what ended the exchange before its time, after the bytes that
  // came before.
  std::optional<std::string> read() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !pieces_.empty() || ended_; });
    if (pieces_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    std::string piece = std::move(pieces_.front());
    pieces_.pop_front();
    waiting_bytes_ -= piece.size();
    lock.unlock();
    changed_.notify_all();
    return piece;
  }

  void start(const aws::HttpResponse& head) override {
    {
      const std::lock_guard lock(mutex_);
      if (abandoned_) throw Error("Nobody waits for this answer any more");
      head_ = head;
    }
    changed_.notify_all();
  }
  void write(std::string_view piece) override {
    if (piece.empty()) return;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return waiting_bytes_ < waiting_bytes_max || abandoned_; });
      if (abandoned_) throw Error("Nobody waits for this answer any more");
      pieces_.emplace_back(piece);
      waiting_bytes_ += piece.size();
    }
    changed_.notify_all();
  }
  bool can_restart() const override { return false; }

 private:
  static constexpr std::size_t waiting_bytes_max = 1u << 20;

  void run(const Exchange& exchange, const std::stop_token& stop) {
    std::exception_ptr failure;
    try {
      exchange(*this, stop);
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      failure_ = failure;
      ended_ = true;
    }
    changed_.notify_all();
  }
  static std::exception_ptr unanswered() {
    return std::make_exception_ptr(Error("The endpoint's answer has no body to stream"));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<aws::HttpResponse> head_;
  std::deque<std::string> pieces_;
  std::size_t waiting_bytes_ = 0;
  std::exception_ptr failure_;
  bool ended_ = false;
  bool abandoned_ = false;
  std::jthread thread_;  // the last member: it uses all others
};

inline std::string member_text(const json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// An exception of the stream as one of C++.
[[noreturn]] inline void throw_stream_error(const aws::event_stream::Message& message) {
  std::string code = message.text(":exception-type");
  json document = json::object();
  if (!message.payload.empty()) {
    try {
      document = aws::parse_json(message.payload);
    } catch (const aws::JsonError&) {
      document = json::object();
    }
  }
  if (!document.is_object()) document = json::object();
  std::string text = member_text(document, "Message");
  if (text.empty()) text = member_text(document, "message");
  if (code.empty()) {  // an error outside of the service's model
    code = message.text(":error-code");
    text = message.text(":error-message");
  }
  if (text.empty()) text = "An error occurred";
  if (code == "ModelStreamError") throw ModelStreamError(text, member_text(document, "ErrorCode"));
  if (code == "InternalStreamFailure") throw InternalStreamFailure(text);
  throw ServiceError({.code = code.empty() ? "Unknown" : code,
                      .message = text,
                      .operation = "InvokeEndpointWithResponseStream",
                      .http_status = 200});
}

// begin() and end() for a class whose next() gives texts until there are none: an input range, read once.
template <class Source>
class TextIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using iterator_concept = std::input_iterator_tag;
  using value_type = std::string;
  using difference_type = std::ptrdiff_t;
  using pointer = const std::string*;
  using reference = const std::string&;

  TextIterator() = default;
  explicit TextIterator(Source& source) : source_(&source), current_(source.next()) {}

  reference operator*() const { return *current_; }
  pointer operator->() const { return &*current_; }
  TextIterator& operator++() {
    current_ = source_->next();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const TextIterator& iterator, std::default_sentinel_t) { return !iterator.current_; }

 private:
  Source* source_ = nullptr;
  std::optional<std::string> current_;
};

}  // namespace detail

// The pieces of an answer as the model's container wrote them, each as soon as it is there. Read once, by one
// thread; the rest of an answer that is left early is not transferred. Reading throws ModelStreamError and
// InternalStreamFailure where the answer breaks off, TransportError where the connection does.
class ByteIterator {
 public:
  explicit ByteIterator(std::unique_ptr<detail::BodyPump> pump) : pump_(std::move(pump)) {}

  // The next piece, never empty; nothing at the end.
  std::optional<std::string> next() {
    while (pump_) {
      while (auto message = decoder_.next()) {
        const std::string type = message->text(":message-type");
        if (type == "exception" || type == "error") detail::throw_stream_error(*message);
        // What else there may be once is not meant for this version.
        if (message->text(":event-type") != "PayloadPart" || message->payload.empty()) continue;
        return std::move(message->payload);
      }
      if (const auto piece = pump_->read()) {
        decoder_.feed(*piece);
      } else if (decoder_.empty()) {
        pump_.reset();
      } else {
        throw TransportError(TransportError::Kind::reset, "The endpoint's answer ended inside of an event");
      }
    }
    return std::nullopt;
  }

  using iterator = detail::TextIterator<ByteIterator>;
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::unique_ptr<detail::BodyPump> pump_;  // nothing when all was read
  aws::event_stream::Decoder decoder_;
};

// The same as lines without their ends, however the pieces divide them. What follows the last line end is the
// last line. Throws Error where a line is longer than 100 MiB, the SDK's limit.
class LineIterator {
 public:
  explicit LineIterator(ByteIterator pieces) : pieces_(std::move(pieces)) {}

  std::optional<std::string> next() {
    while (true) {
      const std::size_t end = buffer_.find('\n', searched_);
      if (end != std::string::npos) {
        std::string line = buffer_.substr(start_, end - start_);
        start_ = searched_ = end + 1;
        return line;
      }
      buffer_.erase(0, std::exchange(start_, 0));
      searched_ = buffer_.size();
      auto piece = pieces_.next();
      if (!piece) break;
      if (buffer_.size() + piece->size() > line_bytes_max)
        throw Error("A line of the endpoint's answer is longer than 100 MiB");
      buffer_ += *piece;
    }
    if (buffer_.empty()) return std::nullopt;
    searched_ = 0;
    return std::exchange(buffer_, {});
  }

  using iterator = detail::TextIterator<LineIterator>;
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  static constexpr std::size_t line_bytes_max = 100u << 20;

  ByteIterator pieces_;
  std::string buffer_;
  std::size_t start_ = 0;     // of the line that comes next
  std::size_t searched_ = 0;  // up to here there is no line end
};

}  // namespace sagemaker
