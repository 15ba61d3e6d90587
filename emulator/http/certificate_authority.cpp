// See certificate_authority.hpp.
#include "emulator/http/certificate_authority.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/http/host_names.hpp"

namespace sagemaker::local::http {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

constexpr hours kDay{24};
constexpr hours kBeforeNow = kDay;             // clocks of clients may be slow
constexpr hours kServerLifetime = 397 * kDay;  // more is not accepted from servers by some clients
constexpr hours kServerMargin = 30 * kDay;     // renewed so long before its end
constexpr hours kAuthorityLifetime = 3650 * kDay;
constexpr hours kAuthorityMargin = kServerLifetime + kServerMargin;  // it outlives what it signs
// Names that one emulator remembers certificates for; they are cheap to make again.
constexpr std::size_t kIssuedMax = 512;

std::string reason() { return std::generic_category().message(errno); }

// nullopt: there is no such file. Throws where there is one that cannot be read.
std::optional<std::string> read_file(const fs::path& path) {
  if (std::error_code ignored; !fs::exists(path, ignored)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return text;
}

// Under another name until it is whole and safe on the disk.
void write_file(const fs::path& path, const std::string& text, mode_t mode) {
  const fs::path partial = path.string() + ".partial";
  std::error_code ignored;
  fs::remove(partial, ignored);
  const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) throw std::runtime_error("cannot write " + partial.string() + ": " + reason());
  const bool good = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::fchmod(file, mode) == 0 && ::fsync(file) == 0;
  const std::string why = reason();
  ::close(file);
  if (!good || ::rename(partial.c_str(), path.c_str()) != 0) {
    throw std::runtime_error("cannot write " + path.string() + ": " + (good ? reason() : why));
  }
}

// The mode of a key is ours to keep, also where a copy of the folder has lost it.
Key read_key(const fs::path& path) {
  const auto text = read_file(path);
  if (!text) return nullptr;
  ::chmod(path.c_str(), 0600);
  return key_from_pem(*text);
}

Certificate read_certificate(const fs::path& path) {
  const auto text = read_file(path);
  return text ? certificate_from_pem(*text) : nullptr;
}

bool is_address(const std::string& name) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, name.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

}  // namespace

CertificateAuthority::CertificateAuthority(Options options) : options_(std::move(options)) {
  std::error_code error;
  fs::create_directories(options_.directory, error);
  if (error) {
    throw std::runtime_error("cannot make the folder " + options_.directory.string() + ": " +
                             error.message());
  }
  fs::permissions(options_.directory, fs::perms::owner_all, error);
  open_authority();
  open_server_certificate();
}

bool CertificateAuthority::near_end(const Certificate& certificate, hours margin) const {
  return end_of(certificate) - margin <= options_.clock->now();
}

void CertificateAuthority::open_authority() {
  const fs::path key_file = options_.directory / "ca.key";
  const bool existed = fs::exists(ca_file());
  authority_key_ = read_key(key_file);
  authority_ = read_certificate(ca_file());
  if (belongs_to(authority_, authority_key_) && !near_end(authority_, kAuthorityMargin)) return;
  if (existed) {
    spdlog::warn("{} is broken or near its end: there is a new one, which clients have to trust anew",
                 ca_file().string());
  }
  const TimePoint now = options_.clock->now();
  authority_key_ = make_key();
  authority_ =
      make_authority("sagemaker-local CA", authority_key_, {now - kBeforeNow, now + kAuthorityLifetime});
  write_file(key_file, to_pem(authority_key_), 0600);
  write_file(ca_file(), to_pem(authority_), 0644);
}

std::vector<std::string> CertificateAuthority::own_names() const {
  std::vector<std::string> names{"localhost", "*.localhost", "*.s3.localhost", "127.0.0.1", "::1"};
  for (const std::string& host : options_.hosts) {
    if (is_address(host) || is_plain_host_name(host)) names.push_back(host);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void CertificateAuthority::open_server_certificate() {
  const fs::path key_file = options_.directory / "server.key";
  const fs::path certificate_file = options_.directory / "server.pem";
  server_key_ = read_key(key_file);
  server_certificate_ = read_certificate(certificate_file);
  if (belongs_to(server_certificate_, server_key_) && issued_by(server_certificate_, authority_) &&
      !near_end(server_certificate_, kServerMargin) && names_of(server_certificate_) == own_names()) {
    return;
  }
  server_key_ = make_key();
  server_certificate_ = issue(own_names());
  write_file(key_file, to_pem(server_key_), 0600);
  write_file(certificate_file, to_pem(server_certificate_), 0644);
}

Certificate CertificateAuthority::issue(const std::vector<std::string>& names) const {
  const TimePoint now = options_.clock->now();
  return issue_certificate(names, server_key_, authority_, authority_key_,
                           {now - kBeforeNow, now + kServerLifetime});
}

bool CertificateAuthority::covers(const std::string& name) const {
  if (!is_plain_host_name(name) && !is_address(name)) return false;
  return options_.any_host || is_loopback_host(name) || is_aws_host(name) ||
         std::find(options_.hosts.begin(), options_.hosts.end(), name) != options_.hosts.end();
}

Certificate CertificateAuthority::certificate_for(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::string> own = own_names();
  if (!covers(name) || std::find(own.begin(), own.end(), name) != own.end()) {
    // An emulator may run for longer than a certificate.
    if (near_end(server_certificate_, kServerMargin)) server_certificate_ = issue(own);
    return server_certificate_;
  }
  Certificate& known = issued_[name];
  if (known && !near_end(known, kServerMargin)) return known;
  const Certificate made = known = issue({name});
  if (issued_.size() > kIssuedMax) issued_.clear();
  return made;
}

}  // namespace sagemaker::local::http
