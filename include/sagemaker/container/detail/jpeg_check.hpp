// Makes a JPEG fit for stb_image, whose releases before 2.29 write behind their tables where a Huffman table
// announces more than 256 codes. Without libtorch.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

// Walks over the segments (ITU T.81, B.1): comments and application data other than JFIF's and Adobe's are
// left out, and so is what follows the end of the image. Throws RequestError 400 where there is no walking,
// or where anything that can be taken for a Huffman table has too many codes.
class JpegCheck {
 public:
  static std::string sound(std::string_view body) {
    JpegCheck check(body);
    check.walk();
    check_tables(check.out_);
    return std::move(check.out_);
  }

 private:
  static constexpr int start_of_image = 0xD8, end_of_image = 0xD9, start_of_scan = 0xDA, comment = 0xFE,
                       jfif = 0xE0, adobe = 0xEE;
  static constexpr std::size_t codes_max = 256;

  explicit JpegCheck(std::string_view body) : rest_(body) { out_.reserve(body.size()); }

  [[noreturn]] static void fail(const std::string& what) {
    throw RequestError(400, "invalid image input: the JPEG " + what);
  }

  static unsigned byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

  void keep(std::size_t size) {
    out_.append(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }

  int take_marker() {
    while (rest_.size() > 1 && byte(rest_, 0) == 0xFF && byte(rest_, 1) == 0xFF) rest_.remove_prefix(1);
    if (rest_.size() < 2 || byte(rest_, 0) != 0xFF) fail("is damaged or truncated");
    return static_cast<int>(byte(rest_, 1));
  }

  void walk() {
    if (take_marker() != start_of_image) fail("has no beginning");
    keep(2);
    for (;;) {
      const int marker = take_marker();
      if (marker == end_of_image) return keep(2);
      if (rest_.size() < 4) fail("is truncated");
      const std::size_t size = 2 + (byte(rest_, 2) << 8 | byte(rest_, 3));
      if (size < 4 || size > rest_.size()) fail("is truncated");
      const bool application = marker >= jfif && marker <= 0xEF;
      if (marker == comment || (application && marker != jfif && marker != adobe)) {
        rest_.remove_prefix(size);
      } else {
        keep(size);
      }
      if (marker == start_of_scan) keep(size_of_scan());
      // Photos end without an end now and then, and decoders do not mind.
      if (marker == start_of_scan && rest_.empty()) return;
    }
  }

  // Up to the next marker other than the restarts (0xD0 to 0xD7) inside the scan; a 0xFF that is data is
  // followed by 0.
  std::size_t size_of_scan() const {
    for (std::size_t at = 0; at + 1 < rest_.size(); ++at) {
      const unsigned next = byte(rest_, at + 1);
      if (byte(rest_, at) == 0xFF && next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
    }
    return rest_.size();
  }

  // Wherever a marker might be found.
  static void check_tables(std::string_view jpeg) {
    constexpr std::string_view mark("\xFF\xC4", 2);  // of a Huffman table
    for (auto at = jpeg.find(mark); at != std::string_view::npos; at = jpeg.find(mark, at + 2))
      check_table(jpeg.substr(at + 2));
  }

  static void check_table(std::string_view segment) {
    if (segment.size() < 2) return;
    auto left = static_cast<std::ptrdiff_t>(byte(segment, 0) << 8 | byte(segment, 1)) - 2;
    segment.remove_prefix(2);
    while (left > 0) {
      std::size_t codes = 0;
      for (std::size_t i = 1; i <= 16; ++i) codes += i < segment.size() ? byte(segment, i) : 0;
      if (codes > codes_max) fail("has a Huffman table of more than 256 codes");
      segment.remove_prefix(segment.size() < 17 + codes ? segment.size() : 17 + codes);
      left -= static_cast<std::ptrdiff_t>(17 + codes);
    }
  }

  std::string_view rest_;
  std::string out_;
};

}  // namespace sagemaker::container::detail
