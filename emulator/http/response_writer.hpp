// Puts a Response on the wire: status line, fields, and the body in the way that its kind and the request
// call for.
#pragma once

#include <string>

#include "emulator/http/connection.hpp"
#include "emulator/http/message.hpp"

namespace sagemaker::local::http {

// What of the request decides about the form of its response.
struct ResponseForm {
  bool head = false;      // no body, whatever the response holds
  bool http_1_0 = false;  // no chunked coding: such a body ends with the connection
  bool keep_alive = true;
  std::string reason = {};  // instead of the usual words behind the status
};

enum class Sent {
  complete,  // the connection can serve the next request
  last,      // complete, and the connection ends now
  broken,    // the client went away, does not read, or the body could not be produced as announced
};

// Closes the descriptor of a FileBody in every case. What StreamBody::produce throws passes through where
// nothing was sent yet (the caller can still answer otherwise); later it only breaks the connection, and
// `failure` gets its text.
Sent send_response(Connection& connection, Response& response, const ResponseForm& form,
                   std::string& failure);

// A complete small response in plain text after which the connection ends; for what no handler ever sees.
// `reason`: instead of the usual words behind the status, for clients that show nothing else.
std::string plain_response(int status, const std::string& message, const std::string& reason = {});

const char* reason_phrase(int status);

}  // namespace sagemaker::local::http
