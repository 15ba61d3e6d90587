// Pictures to a tensor.
#pragma once

#include <string_view>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/picture.hpp>

namespace sagemaker::container {

#if defined(SAGEMAKER_HAS_STB_IMAGE)

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_image(std::string_view body, int channels) {
  const detail::Picture picture = detail::read_picture(body, channels);
  const auto pixels = static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height);
  torch::Tensor tensor = torch::empty({1, picture.channels, picture.height, picture.width}, torch::kFloat32);
  float* out = tensor.data_ptr<float>();
  const auto step = static_cast<std::size_t>(picture.channels);
  for (std::size_t channel = 0; channel < step; ++channel) {
    const unsigned char* from = picture.pixels.get() + channel;
    for (std::size_t i = 0; i < pixels; ++i) *out++ = static_cast<float>(from[i * step]) / 255.0F;
  }
  return tensor;
}

#else

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_image(std::string_view, int) {
  throw RequestError(
      415, "images cannot be read: this program was compiled without stb_image.h (Debian: libstb-dev)");
}

#endif

}  // namespace sagemaker::container
