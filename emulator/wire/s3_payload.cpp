#include "emulator/wire/s3_payload.hpp"

#include <charconv>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/sigv4.hpp>

#include "emulator/services/s3/checksum.hpp"
#include "emulator/services/s3/faults.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;

bool has_token(const std::string& list, std::string_view token) {
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view one = rest.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (aws::iequals(one, token)) return true;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return false;
}

std::vector<std::string> announced_trailers(const std::string& header) {
  std::vector<std::string> names;
  std::string name;
  for (const char c : header + ",") {
    if (c == ',') {
      if (!name.empty()) names.push_back(aws::to_lower(name));
      name.clear();
    } else if (c != ' ' && c != '\t') {
      name += c;
    }
  }
  return names;
}

// What the HTTP layer could not read, in S3's words.
ServiceFault fault_of(const http::BodyError& error, std::uint64_t size_max) {
  switch (error.status()) {
    case 408:
      return {"RequestTimeout", 400,
              "Your socket connection to the server was not read from or written to within the timeout "
              "period. Idle "
              "connections will be closed."};
    case 413:
      return {"EntityTooLarge",
              400,
              "Your proposed upload exceeds the maximum allowed size",
              {{"MaxSizeAllowed", size_max}}};
    default:
      break;
  }
  return {"IncompleteBody", 400, "The request body terminated unexpectedly"};
}

}  // namespace

S3Payload::S3Payload(http::Request& request, const Identity& identity, const S3Limits& limits)
    : request_(request), identity_(identity), limits_(limits), length_(request.body->length()) {
  switch (identity.payload) {
    case PayloadKind::streaming_signed:
      prepare_chunks(true, false);
      break;
    case PayloadKind::streaming_signed_trailer:
      prepare_chunks(true, true);
      break;
    case PayloadKind::streaming_unsigned_trailer:
      prepare_chunks(false, true);
      break;
    case PayloadKind::unsigned_payload:
      // A client without credentials frames the body all the same.
      if (has_token(request.headers.get("Content-Encoding"), "aws-chunked") &&
          request.headers.contains("x-amz-trailer")) {
        prepare_chunks(false, true);
      }
      break;
    case PayloadKind::literal:
      break;
  }
}

void S3Payload::prepare_chunks(bool is_signed, bool has_trailer) {
  const std::string text = request_.headers.get("x-amz-decoded-content-length");
  ChunkedFormat format{is_signed, has_trailer, 0, {}};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format.decoded_length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    throw ServiceFault("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
  }
  length_ = format.decoded_length;
  if (has_trailer) {
    format.announced_trailers = announced_trailers(request_.headers.get("x-amz-trailer"));
    // Nothing else would protect an unsigned body.
    if (!is_signed && format.announced_trailers.empty()) {
      throw s3::invalid_request(
          "An x-amz-trailer header with a checksum is required for this kind of payload");
    }
    constexpr std::string_view prefix = "x-amz-checksum-";
    for (const std::string& name : format.announced_trailers) {
      const bool known = name.starts_with(prefix) && s3::algorithm_named(name.substr(prefix.size()));
      if (!known || format.announced_trailers.size() != 1) {
        throw s3::invalid_request("The value specified in the x-amz-trailer header is not supported");
      }
      trailer_algorithm_ = name.substr(prefix.size());
    }
  }
  decoder_ = std::make_unique<ChunkedDecoder>(std::move(format), verifier(), limits_);
}

ChunkVerifier S3Payload::verifier() const {
  if (!identity_.chunks) return {};
  // Each signature covers the one before it, the first one that of the request.
  auto previous = std::make_shared<std::string>(identity_.seed_signature);
  const aws::sigv4::ChunkContext& context = *identity_.chunks;
  const auto matches = [previous](std::string expected, std::string_view signature) {
    if (!aws::constant_time_equal(expected, signature)) return false;
    *previous = std::move(expected);
    return true;
  };
  return {[&context, previous, matches](std::string_view signature, const std::string& hash) {
            return matches(aws::sigv4::chunk_signature(context, *previous, hash), signature);
          },
          [&context, previous, matches](std::string_view signature, const std::string& lines) {
            return matches(aws::sigv4::trailer_signature(context, *previous, lines), signature);
          }};
}

void S3Payload::require_length() const {
  // A request with neither header has an empty body, which S3 wants to be said.
  const bool unsaid =
      !request_.headers.contains("Content-Length") && !request_.headers.contains("Transfer-Encoding");
  if (length_ && !unsaid) return;
  if (request_.headers.contains("Transfer-Encoding")) throw s3::not_implemented("Transfer-Encoding");
  throw ServiceFault("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
}

void S3Payload::read(const std::function<void(std::string_view)>& sink) {
  try {
    if (!decoder_) return read_raw(sink);
    request_.body->read([&](std::string_view piece) { decoder_->push(piece, sink); });
  } catch (const http::BodyError& error) {
    throw fault_of(error, limits_.put_bytes_max);
  }
  decoder_->finish();
}

void S3Payload::read_raw(const std::function<void(std::string_view)>& sink) {
  if (identity_.payload != PayloadKind::literal) return request_.body->read(sink);
  aws::Sha256 hash;
  request_.body->read([&](std::string_view piece) {
    hash.update(piece);
    sink(piece);
  });
  const std::string computed = aws::to_hex(hash.finish());
  if (aws::constant_time_equal(computed, aws::to_lower(identity_.payload_hash))) return;
  throw ServiceFault(
      "XAmzContentSHA256Mismatch", 400,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      {{"ClientComputedContentSHA256", identity_.payload_hash}, {"S3ComputedContentSHA256", computed}});
}

json S3Payload::trailer() const {
  json members = json::object();
  if (!decoder_) return members;
  for (const ChunkedDecoder::Trailer& trailer : decoder_->trailers()) {
    const auto algorithm =
        s3::algorithm_named(trailer.name.substr(std::string_view("x-amz-checksum-").size()));
    if (algorithm) members[s3::member_of(*algorithm)] = trailer.value;
  }
  return members;
}

std::string S3Payload::read_all(std::size_t bytes_max) {
  std::string bytes;
  read([&](std::string_view piece) {
    if (bytes.size() + piece.size() > bytes_max) {
      throw ServiceFault("MaxMessageLengthExceeded", 400, "Your request was too big.",
                         {{"MaxMessageLengthBytes", bytes_max}});
    }
    bytes.append(piece);
  });
  return bytes;
}

}  // namespace sagemaker::local::wire
