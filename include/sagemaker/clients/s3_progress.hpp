// How far a transfer has come: what its callback is told, that as a line of text, and a bar for terminals.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <unistd.h>

namespace sagemaker {

struct S3Progress {
  std::uint64_t bytes_done = 0, bytes_total = 0;
  std::uint64_t objects_done = 0, objects_total = 0;
  bool total_known = false;     // false while a folder is still being listed: the totals grow
  double bytes_per_second = 0;  // of the last seconds
  std::chrono::milliseconds elapsed{0};
  bool finished = false;  // the last call
};

namespace detail {

inline std::string byte_text(double bytes) {
  static constexpr std::array<const char*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text.data();
}

inline std::string duration_text(std::uint64_t seconds) {
  std::array<char, 48> text{};
  const auto hours = static_cast<unsigned long long>(seconds / 3600);
  const auto minutes = static_cast<unsigned>(seconds / 60 % 60), rest = static_cast<unsigned>(seconds % 60);
  if (hours > 0) {
    std::snprintf(text.data(), text.size(), "%llu:%02u:%02u", hours, minutes, rest);
  } else {
    std::snprintf(text.data(), text.size(), "%02u:%02u", minutes, rest);
  }
  return text.data();
}

// Part of the whole, 0 to 1; by objects where there are no bytes.
inline double done_part(const S3Progress& progress) {
  const bool bytes = progress.bytes_total > 0;
  const auto done = static_cast<double>(bytes ? progress.bytes_done : progress.objects_done);
  const auto total = static_cast<double>(bytes ? progress.bytes_total : progress.objects_total);
  return total > 0 ? std::min(done / total, 1.0) : progress.finished ? 1.0 : 0.0;
}

}  // namespace detail

// "45% 135.0 MiB of 300.0 MiB, 3 of 10 files, 95.1 MiB/s, 00:03 left".
inline std::string s3_progress_text(const S3Progress& progress) {
  const auto bytes = [](std::uint64_t count) { return detail::byte_text(static_cast<double>(count)); };
  std::string text;
  if (progress.total_known) text = std::to_string(static_cast<int>(detail::done_part(progress) * 100)) + "% ";
  text += bytes(progress.bytes_done) + " of " + bytes(progress.bytes_total);
  if (!progress.total_known) text += " or more";
  if (progress.objects_total > 1) {
    text += ", " + std::to_string(progress.objects_done) + " of " + std::to_string(progress.objects_total) +
            " files";
  }
  if (progress.finished) {
    const double seconds = std::max(static_cast<double>(progress.elapsed.count()) / 1000, 0.001);
    return text + ", " + detail::byte_text(static_cast<double>(progress.bytes_done) / seconds) + "/s, took " +
           detail::duration_text(static_cast<std::uint64_t>(seconds));
  }
  if (progress.bytes_per_second <= 0) return text;
  text += ", " + detail::byte_text(progress.bytes_per_second) + "/s";
  if (!progress.total_known) return text;
  const auto left =
      static_cast<double>(progress.bytes_total - std::min(progress.bytes_done, progress.bytes_total));
  return text + ", " + detail::duration_text(static_cast<std::uint64_t>(left / progress.bytes_per_second)) +
         " left";
}

// One line on a terminal that is drawn again and again: options.progress = S3ProgressBar(). Draws
// nothing where the stream is no terminal.
class S3ProgressBar {
 public:
  explicit S3ProgressBar(std::FILE* stream = stderr) : stream_(stream) {
    const char* terminal = std::getenv("TERM");
    live_ = ::isatty(::fileno(stream)) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  }

  void operator()(const S3Progress& progress) const {
    if (!live_) return;
    const std::string text = "\r\033[K" + line(progress) + (progress.finished ? "\n" : "");
    std::fwrite(text.data(), 1, text.size(), stream_);
    std::fflush(stream_);
  }

  // "[#########           ] 45% ..."
  static std::string line(const S3Progress& progress) {
    constexpr std::size_t width = 20;
    std::string bar(width, ' ');
    std::fill_n(bar.begin(),
                static_cast<std::size_t>(detail::done_part(progress) * static_cast<double>(width)), '#');
    return "[" + bar + "] " + s3_progress_text(progress);
  }

 private:
  std::FILE* stream_;
  bool live_ = false;
};

}  // namespace sagemaker
