// The TLS side of one accepted socket: handshake, reading and writing, none of which ever waits. OpenSSL sees
// the socket through this class, so that bytes which arrived before TLS began are not lost, a sender without
// end cannot keep a thread, and no signal is raised.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace sagemaker::local::http {

class TlsStream {
 public:
  enum class Result {
    done,
    wants_read,   // go on when the socket has something
    wants_write,  // go on when the socket takes something
    ended,        // the client says no more, with or without a word
    failed,       // no TLS that is understood here, or the client does not want it; nothing more can be done
  };

  // `socket` stays its owner's. `host`: the name that a client asked for by other means, for one that asks
  // for none in TLS. `received`: what came before and belongs to TLS. Throws std::runtime_error.
  TlsStream(SSL_CTX* context, int socket, std::string host, std::string received);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  // The handshake, as long as it is not over, and then data. `got`: bytes, with `done` only.
  Result read(char* memory, std::size_t size, std::size_t& got);
  // `put` may be less than `size`. After wants_*, the next call must offer the same bytes.
  Result write(const char* data, std::size_t size, std::size_t& put, bool more_follows);
  // Says that no more will be written.
  Result finish_writing();

  // Something can be read although the socket may have nothing.
  bool pending() const { return SSL_pending(ssl_.get()) > 0 || used_ < filled_; }
  bool wants_write() const { return SSL_want(ssl_.get()) == SSL_WRITING; }
  // Gives memory back while nothing is under way.
  void release_memory();

  const std::string& host() const { return host_; }
  int socket() const { return socket_; }
  // After `failed`: why, for a log; and whether the reason is that the client does not trust the certificate.
  const std::string& failure() const { return failure_; }
  bool distrusted() const { return distrusted_; }

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  struct Bio;  // OpenSSL's way to call back

  int read_socket(char* memory, int size);
  int write_socket(const char* data, int size);
  Result result_of(int returned);

  const int socket_;
  const std::string host_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::unique_ptr<char[]> input_;  // what was received from the socket and not taken by OpenSSL yet
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
  std::size_t budget_ = 0;  // bytes that the current call may still take from the socket
  bool retry_ = false;      // the last call on the socket would have had to wait
  bool input_ended_ = false;
  bool more_follows_ = false;
  bool finished_writing_ = false;
  std::string failure_;
  bool distrusted_ = false;
};

}  // namespace sagemaker::local::http
