// See tls.hpp.
#include "emulator/http/tls.hpp"

#include <array>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "emulator/http/host_names.hpp"

namespace sagemaker::local::http {
namespace {

constexpr std::string_view kSessionContext = "sagemaker-local";
// For TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kProtocol("\x08http/1.1", 9);

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* match = nullptr;
  const int found =
      SSL_select_next_proto(&match, chosen_size, reinterpret_cast<const unsigned char*>(kProtocol.data()),
                            static_cast<unsigned int>(kProtocol.size()), offered, offered_size);
  *chosen = match;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

SSL_CTX* new_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, kCiphers) != 1) {
    SSL_CTX_free(context);
    throw_openssl_error("TLS cannot be set up");
  }
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                          SSL_OP_PRIORITIZE_CHACHA |
                          // Where a message ends is said by HTTP: an end of the connection without
                          // close_notify ends the client's half of it, and its answer still goes out.
                          SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned int>(kSessionContext.size()));
  // Tickets carry what resumption needs; nothing is kept here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  return context;
}

// The address at which the client reached us, for one that named none.
std::string local_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* binary = address.ss_family == AF_INET6
                           ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr)
                           : static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr);
  if (!::inet_ntop(address.ss_family, binary, text.data(), text.size())) return "";
  const std::string result = text.data();
  constexpr std::string_view mapped = "::ffff:";  // IPv4 on a socket for both
  return result.starts_with(mapped) && result.find('.') != std::string::npos ? result.substr(mapped.size())
                                                                             : result;
}

int no_passphrase(char*, int, int, void*) { return -1; }

void check_readable(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file || file.peek() == std::ifstream::traits_type::eof()) {
    throw std::runtime_error("cannot read " + path.string());
  }
}

}  // namespace

Tls::Tls(std::unique_ptr<CertificateAuthority> authority)
    : authority_(std::move(authority)), context_(new_context()) {
  SSL_CTX_set_cert_cb(context_.get(), choose_certificate, this);
}

Tls::Tls(const std::filesystem::path& certificate_file, const std::filesystem::path& key_file)
    : context_(new_context()) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  check_readable(certificate_file);
  check_readable(key_file);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    throw_openssl_error(certificate_file.string() + " holds no certificate in PEM form that can be used");
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw_openssl_error(key_file.string() +
                        " holds no private key in PEM form, without a passphrase, that fits the certificate");
  if (SSL_CTX_check_private_key(context) != 1)
    throw_openssl_error(key_file.string() + " does not hold the key of " + certificate_file.string());
}

Tls::~Tls() = default;

std::unique_ptr<TlsStream> Tls::accept(int socket, std::string host, std::string received) const {
  return std::make_unique<TlsStream>(context_.get(), socket, std::move(host), std::move(received));
}

bool Tls::covers(const std::string& name) const {
  if (authority_) return authority_->covers(name);
  X509* certificate = SSL_CTX_get0_certificate(context_.get());
  return certificate && X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

std::string Tls::name_asked_for(SSL* ssl) const {
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) return host_name_of(name);
  const auto* stream = static_cast<const TlsStream*>(SSL_get_app_data(ssl));
  return stream->host().empty() ? local_address(stream->socket()) : stream->host();
}

int Tls::choose_certificate(SSL* ssl, void* self) {
  auto& tls = *static_cast<Tls*>(self);
  try {
    const Certificate certificate = tls.authority_->certificate_for(tls.name_asked_for(ssl));
    return SSL_use_certificate(ssl, certificate.get()) == 1 &&
                   SSL_use_PrivateKey(ssl, tls.authority_->key().get()) == 1
               ? 1
               : 0;
  } catch (const std::exception& error) {
    spdlog::error("no certificate could be made for a client: {}", error.what());
    return 0;
  }
}

}  // namespace sagemaker::local::http
