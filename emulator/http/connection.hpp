// One accepted socket: what was received and not used yet, and sending under a deadline. The socket never
// blocks by itself; waiting is explicit, so that the poller can share the receiving half and a worker can
// wait in it. At any time only one thread uses a connection: the poller while it waits for a request, then
// the worker that serves it. Whether a client speaks TLS its first byte tells; what is above this class sees
// no difference.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "emulator/http/header_block.hpp"
#include "emulator/limits.hpp"

namespace sagemaker::local::http {

class Tls;
class TlsStream;

// The client does not speak TLS that can be understood, or broke the handshake off. Nothing can be said to
// it.
class TlsError : public std::runtime_error {
 public:
  TlsError(const std::string& message, bool distrusted)
      : std::runtime_error(message), distrusted_(distrusted) {}
  bool distrusted() const { return distrusted_; }  // because it does not trust the certificate

 private:
  bool distrusted_;
};

class Connection {
 public:
  // Takes over an accepted socket. `limits` must outlive the connection; so must `tls`, null where there is
  // none.
  Connection(int descriptor, const HttpLimits& limits, const Tls* tls = nullptr);
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
  // The same, but waits until the client can know. False: it does not read.
  bool end_stream();
  bool encrypted() const { return tls_ != nullptr; }
  // From now on TLS is spoken, with a client that asked for `host`; what is buffered belongs to it already.
  void begin_tunnel(std::string host);

  // ---- receiving
  enum class Received { bytes, nothing_yet, end };
  // Takes what there is until a header block is complete; does what TLS needs before. Never waits. Throws
  // HeaderError and TlsError.
  Received receive_header();
  // A request or a TLS handshake has begun to arrive.
  bool begun() const;
  // There is something to receive although the socket may have nothing.
  bool pending() const;
  // TLS cannot go on before the socket takes something.
  bool wants_write() const;
  // Takes what the socket has, at most `bytes_max`, behind buffered(). Never waits.
  Received receive_buffered(std::size_t bytes_max);
  struct Piece {
    Received state;
    std::size_t size = 0;
  };
  // The same into memory of the caller; only while buffered() is empty.
  Piece receive(char* memory, std::size_t size);
  // Bytes as they come over the wire, to be thrown away.
  Piece receive_raw(char* memory, std::size_t size);
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
  // What the first byte can decide: nothing yet, TLS or not, or TLS in a tunnel, where nothing else may come.
  enum class Mode { open, decided, tunnel };

  Received decide_mode();
  void begin_tls(std::string received);
  bool wait_writable();
  bool send_plain(std::initializer_list<std::string_view> parts, bool more_follows);
  bool send_encrypted(std::string_view bytes, bool more_follows);
  bool copy_file(int file, std::uint64_t offset, std::uint64_t length);

  const int descriptor_;
  std::uint64_t id_ = 0;
  const HttpLimits* limits_;
  const Tls* const tls_server_;
  Mode mode_;
  std::string tunnel_host_;
  std::unique_ptr<TlsStream> tls_;
  std::string remote_address_;
  std::string input_;
  std::size_t used_ = 0;  // of input_
  HeaderScanner scanner_;
  std::size_t header_bytes_ = 0;  // 0: not complete
  std::uint64_t response_bytes_ = 0;
  std::chrono::steady_clock::duration response_waited_{};
};

}  // namespace sagemaker::local::http
