// The client's side of TLS on a socket, for RawSocket: it trusts one authority, checks the name, and every
// wait ends.
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

namespace sagemaker::tests {

struct TlsTrust {
  std::string ca_file = {};        // empty: no TLS
  std::string name = "localhost";  // to be asked for and checked; empty: neither
  int version_min = TLS1_2_VERSION;
  int version_max = 0;         // 0: the highest
  std::string protocols = {};  // ALPN, in its wire form
};

class RawTls {
 public:
  using Milliseconds = std::chrono::milliseconds;

  RawTls(int descriptor, const TlsTrust& trust) : descriptor_(descriptor) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), trust.version_min);
    SSL_CTX_set_max_proto_version(context_.get(), trust.version_max);
    SSL_CTX_set_security_level(context_.get(), 0);  // old versions are offered too where a test asks for them
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_load_verify_locations(context_.get(), trust.ca_file.c_str(), nullptr) != 1)
      throw std::runtime_error("cannot load " + trust.ca_file);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(SSL_new(context_.get()));
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    SSL_set_fd(ssl_.get(), descriptor);
    SSL_set_connect_state(ssl_.get());
    if (!trust.name.empty()) {
      // What the macro SSL_set_tlsext_host_name does, without its cast.
      std::string name = trust.name;
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
      SSL_set1_host(ssl_.get(), trust.name.c_str());
    }
    if (!trust.protocols.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(trust.protocols.data()),
                          static_cast<unsigned int>(trust.protocols.size()));
    }
  }

  // False where the server does not agree, or its certificate is not to be trusted.
  bool handshake(Milliseconds patience) {
    return finish([this] { return SSL_do_handshake(ssl_.get()); }, patience) > 0;
  }
  bool send(std::string_view bytes, Milliseconds patience) {
    while (!bytes.empty()) {
      const int put = finish(
          [&] { return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }, patience);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }
  // > 0: bytes; 0: the end; < 0: nothing came in time.
  int receive(char* memory, int size, Milliseconds patience) {
    return finish([&] { return SSL_read(ssl_.get(), memory, size); }, patience);
  }
  bool readable_within(Milliseconds patience) {
    char byte = 0;
    return finish([&] { return SSL_peek(ssl_.get(), &byte, 1); }, patience) >= 0;
  }
  void finish_sending() { SSL_shutdown(ssl_.get()); }
  // The server said itself that no more comes.
  bool ended_with_notice() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  SSL* ssl() { return ssl_.get(); }

 private:
  template <typename Call>
  int finish(Call call, Milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      ERR_clear_error();
      const int result = call();
      if (result > 0) return result;
      const int error = SSL_get_error(ssl_.get(), result);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return 0;
      const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd descriptors{descriptor_, static_cast<short>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
      if (left.count() <= 0 || ::poll(&descriptors, 1, static_cast<int>(left.count())) == 0) return -1;
    }
  }

  struct Deleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int descriptor_;
  std::unique_ptr<SSL_CTX, Deleter> context_;
  std::unique_ptr<SSL, Deleter> ssl_;
};

}  // namespace sagemaker::tests
