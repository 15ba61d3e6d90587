// TLS for the server: which versions, ciphers and certificates. The certificates are those of the emulator's
// own authority, one for each name that clients ask for, or the one that somebody gave.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "emulator/http/certificate_authority.hpp"
#include "emulator/http/tls_stream.hpp"

namespace sagemaker::local::http {

class Tls {
 public:
  explicit Tls(std::unique_ptr<CertificateAuthority> authority);
  // A given certificate, with the certificates between it and its root in the same file. Throws
  // std::runtime_error that names the file and what is wrong with it.
  Tls(const std::filesystem::path& certificate_file, const std::filesystem::path& key_file);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // The server's side of TLS on an accepted socket. See TlsStream.
  std::unique_ptr<TlsStream> accept(int socket, std::string host, std::string received) const;
  // Whether a client that asks for this name can be shown a certificate for it.
  bool covers(const std::string& name) const;

 private:
  static int choose_certificate(SSL* ssl, void* self);
  std::string name_asked_for(SSL* ssl) const;

  struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<CertificateAuthority> authority_;  // null: a given certificate
  std::unique_ptr<SSL_CTX, ContextDeleter> context_;
};

}  // namespace sagemaker::local::http
