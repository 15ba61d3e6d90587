// CBOR (RFC 8949) to JSON documents and back, as AWS's protocol rpc-v2-cbor uses it. A codec of our own,
// because nlohmann::json's knows no tags, which times are written with, and does not bound the depth.
#pragma once

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::wire {

// Bytes that are no CBOR, or CBOR that is nested too deeply. `offset` counts bytes from 0.
class CborError : public std::runtime_error {
 public:
  CborError(const std::string& message, std::size_t offset)
      : std::runtime_error(message + " at byte " + std::to_string(offset)), offset_(offset) {}
  std::size_t offset() const { return offset_; }

 private:
  std::size_t offset_;
};

// One data item that fills all of `bytes`. Byte strings become base64 text, as blobs are in JSON; times
// become seconds since 1970; other tags are passed over. Takes memory in proportion to the bytes that are
// there, never to a length that they announce.
json decode_cbor(std::string_view bytes, int depth_max);

// `is_time(name)`: whether the numbers in the member of this name, or in its list, are times.
std::string encode_cbor(const json& document, const std::function<bool(std::string_view name)>& is_time);

}  // namespace sagemaker::local::wire
