// PNG and JPEG to pixels. Without libtorch.
#pragma once

#include <algorithm>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/detail/jpeg_check.hpp>
#include <sagemaker/container/detail/stb_image.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

[[noreturn]] inline void bad_image(const std::string& what) {
  throw RequestError(400, "invalid image input: " + what);
}

inline constexpr std::string_view png_signature("\x89PNG\r\n\x1A\n", 8);

#if defined(SAGEMAKER_HAS_STB_IMAGE)

struct Picture {
  std::unique_ptr<unsigned char, decltype(&std::free)> pixels{nullptr, &std::free};  // row after row
  int width = 0, height = 0;
  int channels = 0;
};

// `channels`: 1 or 3; 0: 1 for grey pictures, 3 for all others.
inline Picture read_picture(std::string_view body, int channels) {
  if (!body.starts_with(png_signature) && !body.starts_with("\xFF\xD8"))
    bad_image("it is neither PNG nor JPEG");
  std::string jpeg;
  if (!body.starts_with(png_signature)) body = jpeg = JpegCheck::sound(body);
  if (body.size() > INT_MAX) bad_image("it is too large");
  const auto* const bytes = reinterpret_cast<const stb::stbi_uc*>(body.data());
  const int size = static_cast<int>(body.size());
  Picture picture;
  int stored = 0;
  stb::allocation_max = std::size_t{1} << 20;
  if (stb::stbi_info_from_memory(bytes, size, &picture.width, &picture.height, &stored) == 0)
    bad_image(stb::stbi_failure_reason());
  const std::size_t pixels =
      product_of(static_cast<std::size_t>(picture.width), static_cast<std::size_t>(picture.height));
  picture.channels = channels > 0 ? channels : stored < 3 ? 1 : 3;
  if (std::max(picture.width, picture.height) > stb::dimension_max)
    bad_image("it is larger than " + std::to_string(stb::dimension_max) + " pixels in one direction");
  check_decoded_size("invalid image input: " + std::to_string(picture.width) + " times " +
                         std::to_string(picture.height) + " pixels",
                     pixels, sizeof(float) * static_cast<std::size_t>(picture.channels), 0);
  // Enough for every buffer of both decoders: four channels of 16 bits, and their habit of doubling.
  stb::allocation_max = pixels * 16 + (std::size_t{1} << 20);
  int ignored = 0;
  picture.pixels.reset(
      stb::stbi_load_from_memory(bytes, size, &picture.width, &picture.height, &ignored, picture.channels));
  if (!picture.pixels) bad_image(stb::stbi_failure_reason());
  return picture;
}

#endif

}  // namespace sagemaker::container::detail
