// The body of the request that a connection is serving: read in pieces, under an idle timeout and a minimum
// rate, with "100 Continue" sent when, and only when, somebody starts to read, be it an empty body: clients
// that asked wait for it. Knows afterwards whether the next request follows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "emulator/http/chunk_decoder.hpp"
#include "emulator/http/connection.hpp"
#include "emulator/http/message.hpp"

namespace sagemaker::local::http {

class ConnectionBody final : public BodyReader {
 public:
  ConnectionBody(Connection& connection, const HeaderBlock& header, const HttpLimits& limits);

  std::optional<std::uint64_t> length() const override;
  void read(const std::function<void(std::string_view piece)>& sink) override;
  void read_while(const std::function<bool(std::string_view piece)>& sink) override;

  // Everything up to the next request was read.
  bool complete() const;
  // Throws away the rest of a body that nobody wants, if it is small and comes at once. True: complete().
  bool discard_rest();

 private:
  using Sink = std::function<void(std::string_view piece)>;

  // Up to the end of the body, or until `wanted` is false.
  void consume(const Sink& sink, const bool& wanted);
  void consume_sized(const Sink& sink, const bool& wanted);
  void consume_chunked(const Sink& sink, const bool& wanted);
  // Waits until the socket has something; throws BodyError for a client that is too slow.
  void wait_for_bytes();
  [[noreturn]] void cut_off() const;

  Connection& connection_;
  const HttpLimits& limits_;
  const std::optional<std::uint64_t> length_;
  const bool chunked_;
  bool continue_pending_;
  bool started_ = false;
  bool paused_ = false;  // a reader has had enough for now, and everything it was given is accounted for
  bool broken_ = false;  // an error or exception on the way: where the body ends is not known any more
  std::uint64_t received_ = 0;  // of a sized body: what the sink got; of a chunked one: with its framing
  std::optional<std::chrono::milliseconds>
      patience_;  // instead of the idle timeout, while a rest is discarded
  std::chrono::steady_clock::duration waited_{};
  ChunkDecoder decoder_;
};

}  // namespace sagemaker::local::http
