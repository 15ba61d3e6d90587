// One accepted socket: what was received and not used yet, and sending under a deadline. The socket never
// blocks by itself; waiting is explicit, so that the poller can share the receiving half and a worker can
// wait in it. At any time only one thread uses a connection: the poller while it waits for a request, then
// the worker that serves it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "emulator/http/header_block.hpp"
#include "emulator/limits.hpp"

namespace sagemaker::local::http {

class Connection {
 public:
  // Takes over an accepted socket. `limits` must outlive the connection.
  Connection(int descriptor, const HttpLimits& limits);
  ~Connection();  // closes
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return descriptor_; }
  // The name under which its owner keeps it.
  std::uint64_t id() const { return id_; }
  void set_id(std::uint64_t id) { id_ = id; }
  const std::string& remote_address() const { return remote_address_; }
  // Ends both directions at once, also under a thread that waits in here. Callable from any thread.
  void abort();
  // The response was the last: tells the client so, while what it still sends can be read and thrown away.
  void finish_sending();

  // ---- receiving
  enum class Received { bytes, nothing_yet, end };
  // Takes what the socket has, at most `bytes_max`, behind buffered(). Never waits.
  Received receive_buffered(std::size_t bytes_max);
  struct Piece {
    Received state;
    std::size_t size = 0;
  };
  // The same into memory of the caller; only while buffered() is empty.
  Piece receive(char* memory, std::size_t size);
  bool wait_readable(std::chrono::milliseconds timeout);

  std::string_view buffered() const { return std::string_view(input_).substr(used_); }
  void consume(std::size_t bytes);

  // Whether a complete header block is buffered; its size is then header_bytes(). Throws HeaderError.
  bool header_complete();
  std::size_t header_bytes() const { return header_bytes_; }
  // Takes that block out of buffered(); the view holds until more is received.
  std::string_view take_header();

  // ---- sending
  // The time that the client may take begins anew.
  void begin_response();
  // Sends all parts in order. False: the client went away or does not read; nothing more can be sent.
  // `more_follows` lets the kernel join them with what comes next.
  bool send(std::initializer_list<std::string_view> parts, bool more_follows = false);
  // Sends a part of a file without copying it where the kernel can. False as above, or where the file is too
  // short.
  bool send_file(int file, std::uint64_t offset, std::uint64_t length);
  // As much as the socket takes at once: for a last word to clients that are not worth a wait.
  void try_send(std::string_view bytes);

 private:
  bool wait_writable();
  bool copy_file(int file, std::uint64_t offset, std::uint64_t length);

  const int descriptor_;
  std::uint64_t id_ = 0;
  const HttpLimits* limits_;
  std::string remote_address_;
  std::string input_;
  std::size_t used_ = 0;  // of input_
  HeaderScanner scanner_;
  std::size_t header_bytes_ = 0;  // 0: not complete
  std::uint64_t response_bytes_ = 0;
  std::chrono::steady_clock::duration response_waited_{};
};

}  // namespace sagemaker::local::http
