// Which codec a request and its answer use.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/csv_codec.hpp>
#include <sagemaker/container/detail/image_codec.hpp>
#include <sagemaker/container/detail/json_codec.hpp>
#include <sagemaker/container/detail/libsvm_codec.hpp>
#include <sagemaker/container/detail/media_type.hpp>
#include <sagemaker/container/detail/npy_codec.hpp>
#include <sagemaker/container/detail/npz_codec.hpp>
#include <sagemaker/container/detail/recordio_codec.hpp>
#include <sagemaker/container/detail/torch_codec.hpp>

namespace sagemaker::container::detail {

// A number in a parameter of the content type; `fallback` where it is not given.
SAGEMAKER_CONTAINER_FUNCTION std::int64_t number_parameter(const MediaType& type, std::string_view name,
                                                           std::int64_t fallback) {
  const std::string* const given = type.parameter(name);
  if (given == nullptr) return fallback;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (error != std::errc() || end != given->data() + given->size() || number < 0 || number > UINT32_MAX)
    throw RequestError(400, "the content type's " + std::string(name) + "=" + given->substr(0, 40) +
                                " is no number from 0 to 4294967295");
  return number;
}

SAGEMAKER_CONTAINER_FUNCTION void check_charset(const MediaType& type) {
  const std::string* const given = type.parameter("charset");
  if (given == nullptr) return;
  static constexpr std::array<std::string_view, 7> known = {"utf-8",   "utf8",       "us-ascii",    "ascii",
                                                            "latin-1", "iso-8859-1", "windows-1252"};
  if (std::find(known.begin(), known.end(), lower_case(*given)) != known.end()) return;
  throw RequestError(415, "charset '" + given->substr(0, 40) + "' is not supported; use UTF-8");
}

SAGEMAKER_CONTAINER_FUNCTION int channels_parameter(const MediaType& type) {
  const std::int64_t channels = number_parameter(type, "channels", 0);
  if (type.parameter("channels") == nullptr || channels == 1 || channels == 3)
    return static_cast<int>(channels);
  throw RequestError(400, "the content type's channels=" + std::to_string(channels) + " is neither 1 nor 3");
}

struct Decoder {
  std::string_view type;
  torch::Tensor (*decode)(std::string_view body, const MediaType& type);
};

inline constexpr std::array<Decoder, 12> decoders = {{
    {"application/json",
     [](std::string_view body, const MediaType& type) {
       check_charset(type);
       return decode_json(body);
     }},
    {"application/jsonlines",
     [](std::string_view body, const MediaType& type) {
       check_charset(type);
       return decode_jsonlines(body);
     }},
    {"text/csv",
     [](std::string_view body, const MediaType& type) {
       check_charset(type);
       return decode_csv(body, number_parameter(type, "label_size", 0));
     }},
    {"text/libsvm",
     [](std::string_view body, const MediaType& type) {
       check_charset(type);
       return decode_libsvm(body, number_parameter(type, "feature_dim", 0));
     }},
    {"application/x-recordio-protobuf",
     [](std::string_view body, const MediaType& type) {
       return decode_recordio(body, number_parameter(type, "feature_dim", 0));
     }},
    {"application/x-npy", [](std::string_view body, const MediaType&) { return decode_npy(body); }},
    {"application/x-npz", [](std::string_view body, const MediaType&) { return decode_npz(body); }},
    // The SageMaker Python SDK's TorchTensorSerializer sends NumPy's format under this name.
    {"tensor/pt",
     [](std::string_view body, const MediaType&) {
       return body.starts_with("\x93NUMPY") ? decode_npy(body) : decode_torch(body);
     }},
    {"image/png", [](std::string_view body,
                     const MediaType& type) { return decode_image(body, channels_parameter(type)); }},
    {"image/jpeg", [](std::string_view body,
                      const MediaType& type) { return decode_image(body, channels_parameter(type)); }},
    {"application/x-image",
     [](std::string_view body, const MediaType& type) {
       return decode_image(body, channels_parameter(type));
     }},
    {"text/x-libsvm",
     [](std::string_view body, const MediaType& type) {
       check_charset(type);
       return decode_libsvm(body, number_parameter(type, "feature_dim", 0));
     }},
}};

struct Encoder {
  std::string_view type;
  std::string (*encode)(const torch::Tensor&);
};

// In the order in which wildcards prefer them.
inline constexpr std::array<Encoder, 6> encoders = {
    {{"application/json", encode_json},
     {"text/csv", encode_csv},
     {"application/x-npy", encode_npy},
     {"application/jsonlines", encode_jsonlines},
     {"application/x-recordio-protobuf", encode_recordio},
     {"tensor/pt", encode_npy}}};  // as its TorchTensorDeserializer reads it

template <class Codecs>
std::string types_of(const Codecs& codecs) {
  std::string types;
  for (const auto& codec : codecs) types.append(types.empty() ? "" : ", ").append(codec.type);
  return types;
}

// One of the encoders.
SAGEMAKER_CONTAINER_FUNCTION const Encoder& choose_encoder(std::string_view accept,
                                                           const std::string& default_accept) {
  std::vector<MediaRange> ranges = parse_accept(accept);
  if (ranges.empty()) ranges = {{"*/*"}};
  // The default first, then the rest, each once.
  std::vector<std::string_view> supported;
  std::vector<MediaRange> defaults = parse_accept(default_accept);
  const auto add = [&](std::string_view type) {
    if (std::find(supported.begin(), supported.end(), type) == supported.end()) supported.push_back(type);
  };
  std::stable_sort(defaults.begin(), defaults.end(),
                   [](const MediaRange& a, const MediaRange& b) { return a.quality > b.quality; });
  for (const MediaRange& wanted : defaults) {
    for (const Encoder& encoder : encoders) {
      if (wanted.quality > 0 && wanted.precision_for(encoder.type) > 0) add(encoder.type);
    }
  }
  for (const Encoder& encoder : encoders) add(encoder.type);
  const std::string_view chosen = negotiate(ranges, supported);
  for (const Encoder& encoder : encoders) {
    if (encoder.type == chosen) return encoder;
  }
  throw RequestError(406, "Accept '" + std::string(accept.substr(0, 200)) +
                              "' is not supported; use one of " + types_of(encoders));
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode(std::string_view body, std::string_view content_type) try {
  if (content_type.empty() || content_type == detail::decoders[0].type) return decode_json(body);
  const detail::MediaType type = detail::MediaType::parse(content_type);
  for (const detail::Decoder& decoder : detail::decoders) {
    if (type.type == decoder.type || (type.type.empty() && &decoder == &detail::decoders[0]))
      return decoder.decode(body, type);
  }
  throw RequestError(415, "Content type '" + type.type.substr(0, 100) + "' is not supported; use one of " +
                              detail::types_of(detail::decoders));
} catch (const c10::Error& error) {  // of a shape that no tensor can have
  throw RequestError(400,
                     std::string("the content cannot become a tensor: ") + error.what_without_backtrace());
}

SAGEMAKER_CONTAINER_FUNCTION Output encode(const torch::Tensor& prediction, std::string_view accept,
                                           const std::string& default_accept) {
  if (accept == detail::encoders[0].type) return {encode_json(prediction), std::string(accept)};
  const detail::Encoder& encoder = detail::choose_encoder(accept, default_accept);
  return {encoder.encode(prediction), std::string(encoder.type)};
}

}  // namespace sagemaker::container
