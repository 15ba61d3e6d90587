// Whether a tunnel (CONNECT) that a client asks for may end in this server, and what to say where it may not.
// Pure.
#pragma once

#include <string>

#include "emulator/http/header_block.hpp"

namespace sagemaker::local::http {

class Tls;

struct TunnelAnswer {
  int status = 200;
  std::string host = {};     // with 200: the name that TLS is to be spoken for
  std::string reason = {};   // otherwise: for the status line, which is all that some clients show
  std::string message = {};  // and for the body
};

// `tls`: null where the server speaks none. `encrypted`: the client speaks TLS with us already.
TunnelAnswer answer_tunnel(const HeaderBlock& header, const Tls* tls, bool encrypted);

}  // namespace sagemaker::local::http
