// An HTTP request and response as the emulator sees them: raw, as they came over the wire. Signatures, S3
// keys and ranges need the exact bytes, so nothing here is percent-decoded, inflated or re-ordered. No HTTP
// library in sight.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include <sagemaker/aws/headers.hpp>

namespace sagemaker::local::http {

// The body could not be read as announced: too large (413), cut off or too slow (400, 408). `status` is the
// answer.
class BodyError : public std::runtime_error {
 public:
  BodyError(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

// A request body, read once, in pieces as they arrive (chunked transfer coding already removed).
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Content-Length as announced; nullopt for a chunked body.
  virtual std::optional<std::uint64_t> length() const = 0;
  // Hands every piece to `sink` until the end of the body. Throws BodyError; what `sink` throws passes
  // through.
  virtual void read(const std::function<void(std::string_view piece)>& sink) = 0;
  // The same, but only until `sink` returns false: then the rest can be read in another call of either.
  // Pieces that were on their way already are still handed over.
  virtual void read_while(const std::function<bool(std::string_view piece)>& sink) = 0;
};

// The whole body as a string; BodyError 413 beyond `bytes_max`.
std::string read_all(BodyReader& body, std::uint64_t bytes_max);

struct Request {
  std::string method;          // as sent
  std::string target;          // as sent: path and query, still percent-encoded
  std::string path;            // target up to the first '?'
  std::string query;           // target behind the first '?'
  aws::Headers headers;        // order, case of names and bytes of values as sent
  std::string remote_address;  // numeric
  bool encrypted = false;      // came over TLS
  BodyReader* body = nullptr;  // never null while a handler runs
};

// A part of a file, sent in constant memory. The file is opened when the response is made, so deleting it is
// harmless.
struct FileBody {
  int descriptor = -1;  // owned by the response: closed when it was sent
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// A body made while it is sent (chunked coding). Returns false from `write` when the client went away.
struct StreamBody {
  std::function<void(const std::function<bool(std::string_view)>& write)> produce;
};

struct Response {
  int status = 200;
  aws::Headers headers;  // Content-Type included; Content-Length is the server's
  std::variant<std::string, FileBody, StreamBody> body;
  // For HEAD: what Content-Length a GET would have.
  std::optional<std::uint64_t> head_length;
};

// Must not throw; a server answers 500 and logs where one does.
using Handler = std::function<Response(Request&)>;

}  // namespace sagemaker::local::http
