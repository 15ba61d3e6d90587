// See tunnel.hpp.
#include "emulator/http/tunnel.hpp"

#include <algorithm>

#include "emulator/http/host_names.hpp"
#include "emulator/http/tls.hpp"

namespace sagemaker::local::http {
namespace {

TunnelAnswer refuse(int status, std::string reason, std::string message) {
  return {status, {}, std::move(reason), std::move(message)};
}

// "host:port", as RFC 9112 3.2.3 wants it.
bool is_authority(const std::string& target) {
  const std::size_t colon = target.rfind(':');
  if (colon == std::string::npos || colon == 0 || target.size() - colon < 2 || target.size() - colon > 6)
    return false;
  return std::all_of(target.begin() + static_cast<std::ptrdiff_t>(colon) + 1, target.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

TunnelAnswer answer_tunnel(const HeaderBlock& header, const Tls* tls, bool encrypted) {
  if (!is_authority(header.target))
    return refuse(400, "Bad Request", "CONNECT must name a host and a port, as in \"host:443\".");
  if (header.chunked || header.content_length.value_or(0) > 0)
    return refuse(400, "Bad Request", "CONNECT has no body.");
  if (encrypted)
    return refuse(400, "No tunnel inside of TLS",
                  "Write the address of this proxy with http://: a tunnel inside of TLS is not served.");
  const std::string host = host_name_of(header.target);
  const std::string port = header.target.substr(header.target.rfind(':') + 1);
  if (!is_aws_host(host))
    return refuse(403, "Not an address of AWS",
                  "sagemaker-local stands in for AWS and opens no connections to anywhere else: " + host +
                      " is not an address of AWS. Name it in NO_PROXY to reach it directly.");
  if (port != "443")
    return refuse(403, "Only port 443 of AWS", "Of " + host + " only port 443 (HTTPS) is served here.");
  if (!tls)
    return refuse(403, "sagemaker-local runs without --tls",
                  "Start sagemaker-local with --tls to have it answer in the place of " + host + ".");
  if (!tls->covers(host))
    return refuse(
        403, "The given certificate is for other names",
        "The certificate of --tls-cert is not for " + host + ". With --tls alone sagemaker-local makes one.");
  return {.status = 200, .host = host};
}

}  // namespace sagemaker::local::http
