// The emulator's own certificate authority: a folder that holds it, and certificates that it issues for
// whatever name a client asks for, as long as that name can mean this emulator. Clients trust ca.pem, whose
// path never changes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sagemaker/aws/time.hpp>

#include "emulator/http/certificates.hpp"

namespace sagemaker::local::http {

class CertificateAuthority {
 public:
  struct Options {
    std::filesystem::path directory;  // made with mode 0700 where it is missing
    std::vector<std::string> hosts;   // names and addresses beside those of the loopback network
    bool any_host = false;            // listens on every address: whatever name it is called by may be right
    std::shared_ptr<const aws::Clock> clock = aws::system_clock();
  };

  // Takes what the folder holds, makes what is missing, broken, near its end, or for other names. Throws
  // std::runtime_error.
  explicit CertificateAuthority(Options options);

  std::filesystem::path ca_file() const { return options_.directory / "ca.pem"; }

  // A certificate for this name or address, made when it is first asked for. The server's own one, which
  // names the loopback network and the hosts of the options, where the name is empty or cannot mean this
  // emulator.
  Certificate certificate_for(const std::string& name);
  const Key& key() const { return server_key_; }  // of all of them
  bool covers(const std::string& name) const;

 private:
  void open_authority();
  void open_server_certificate();
  Certificate issue(const std::vector<std::string>& names) const;
  std::vector<std::string> own_names() const;
  bool near_end(const Certificate& certificate, std::chrono::hours margin) const;

  const Options options_;
  Key authority_key_;
  Certificate authority_;
  Key server_key_;
  std::mutex mutex_;  // of what follows
  Certificate server_certificate_;
  std::map<std::string, Certificate> issued_;  // by name
};

}  // namespace sagemaker::local::http
