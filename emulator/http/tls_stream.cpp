// See tls_stream.hpp.
#include "emulator/http/tls_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "emulator/http/certificates.hpp"

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kInputBytes = 32 * 1024;  // nearly two full records at once
// What one call takes from the socket. Records without data (key updates, for example) let OpenSSL read on
// and on: a client that sends nothing else must not keep the thread that everybody shares.
constexpr std::size_t kBudgetBytes = 256 * 1024;

}  // namespace

struct TlsStream::Bio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* memory, int size) {
    BIO_clear_retry_flags(bio);
    const int got = stream(bio).read_socket(memory, size);
    if (got < 0 && stream(bio).retry_) BIO_set_retry_read(bio);
    return got;
  }

  static int write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const int put = stream(bio).write_socket(data, size);
    if (put < 0 && stream(bio).retry_) BIO_set_retry_write(bio);
    return put;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return stream(bio).input_ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> made = [] {
      std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> result(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection"), BIO_meth_free);
      if (!result) throw_openssl_error("TLS cannot be set up");
      BIO_meth_set_read(result.get(), read);
      BIO_meth_set_write(result.get(), write);
      BIO_meth_set_ctrl(result.get(), control);
      return result;
    }();
    return made.get();
  }
};

TlsStream::TlsStream(SSL_CTX* context, int socket, std::string host, std::string received)
    : socket_(socket), host_(std::move(host)), ssl_(SSL_new(context)) {
  BIO* bio = ssl_ ? BIO_new(Bio::method()) : nullptr;
  if (!bio) throw_openssl_error("TLS cannot be set up for a connection");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_accept_state(ssl_.get());
  if (!received.empty()) {
    input_ = std::make_unique_for_overwrite<char[]>(std::max(kInputBytes, received.size()));
    std::memcpy(input_.get(), received.data(), received.size());
    filled_ = received.size();
  }
}

void TlsStream::release_memory() {
  if (used_ == filled_) input_.reset();
}

// ---- what OpenSSL calls

int TlsStream::read_socket(char* memory, int size) {
  retry_ = false;
  if (size <= 0) return 0;
  if (used_ == filled_) {
    if (budget_ == 0) {
      retry_ = true;
      return -1;
    }
    if (!input_) input_ = std::make_unique_for_overwrite<char[]>(kInputBytes);
    ssize_t got = 0;
    do {
      got = ::recv(socket_, input_.get(), std::min(budget_, kInputBytes), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      retry_ = true;
      return -1;
    }
    if (got <= 0) {
      input_ended_ = true;
      return 0;
    }
    used_ = 0;
    filled_ = static_cast<std::size_t>(got);
    budget_ -= filled_;
  }
  const std::size_t taken = std::min(static_cast<std::size_t>(size), filled_ - used_);
  std::memcpy(memory, input_.get() + used_, taken);
  used_ += taken;
  return static_cast<int>(taken);
}

int TlsStream::write_socket(const char* data, int size) {
  retry_ = false;
  if (size <= 0) return 0;
  for (;;) {
    const ssize_t put = ::send(socket_, data, static_cast<std::size_t>(size),
                               MSG_NOSIGNAL | MSG_DONTWAIT | (more_follows_ ? MSG_MORE : 0));
    if (put >= 0) return static_cast<int>(put);
    if (errno == EINTR) continue;
    retry_ = errno == EAGAIN || errno == EWOULDBLOCK;
    return -1;
  }
}

// ---- what a connection calls

TlsStream::Result TlsStream::result_of(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_NONE:
      return Result::done;
    case SSL_ERROR_WANT_READ:
      return Result::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Result::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Result::ended;
    case SSL_ERROR_SYSCALL:
      if (ERR_peek_error() == 0) return Result::ended;
      break;
    default:
      break;
  }
  const unsigned long code = ERR_peek_error();
  const char* text = ERR_reason_error_string(code);
  failure_ = text ? text : "unknown error";
  const int reason = ERR_GET_REASON(code);
  distrusted_ = ERR_GET_LIB(code) == ERR_LIB_SSL &&
                (reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
                 reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN);
  ERR_clear_error();
  return Result::failed;
}

TlsStream::Result TlsStream::read(char* memory, std::size_t size, std::size_t& got) {
  ERR_clear_error();
  budget_ = kBudgetBytes;
  got = 0;
  return result_of(SSL_read_ex(ssl_.get(), memory, size, &got));
}

TlsStream::Result TlsStream::write(const char* data, std::size_t size, std::size_t& put, bool more_follows) {
  ERR_clear_error();
  budget_ = kBudgetBytes;
  put = 0;
  more_follows_ = more_follows;
  const Result result = result_of(SSL_write_ex(ssl_.get(), data, size, &put));
  more_follows_ = false;
  return result;
}

TlsStream::Result TlsStream::finish_writing() {
  if (finished_writing_ || !established()) return Result::done;
  ERR_clear_error();
  const int returned = SSL_shutdown(ssl_.get());
  // 0: it is said, and the client has not said the same yet.
  const Result result = returned >= 0 ? Result::done : result_of(returned);
  finished_writing_ = result != Result::wants_write && result != Result::wants_read;
  return result;
}

}  // namespace sagemaker::local::http
