// Each digit is a few strokes, bent a little at random: turned, slanted, scaled, shifted, drawn with another
// pen and on grainy paper. The generator is spelled out here, because the standard's distributions differ
// between libraries.
#include "rendered_digits.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace rendered_digits {
namespace {

constexpr std::size_t side = 28;
constexpr std::size_t pixels = side * side;

class Random {  // splitmix64
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(next() >> 11) / 9007199254740992.0;
  }

 private:
  std::uint64_t state_;
};

struct Point {
  double x, y;
};
using Stroke = std::vector<Point>;

// Part of an ellipse, angles in turns, clockwise from the right (y points down).
Stroke arc(Point centre, Point radius, double from, double to) {
  Stroke points;
  const int steps = std::max(4, static_cast<int>(std::abs(to - from) * 16));
  for (int step = 0; step <= steps; ++step) {
    const double angle = (from + (to - from) * step / steps) * 2 * 3.14159265358979323846;
    points.push_back({centre.x + radius.x * std::cos(angle), centre.y + radius.y * std::sin(angle)});
  }
  return points;
}

// The strokes in a box from (-1, -1.4) to (1, 1.4).
std::vector<Stroke> strokes_of(int digit) {
  switch (digit) {
    case 0:
      return {arc({0, 0}, {0.8, 1.3}, 0, 1)};
    case 1:
      return {{{-0.45, -0.8}, {0.1, -1.3}, {0.1, 1.3}}};
    case 2:
      return {arc({0, -0.6}, {0.75, 0.7}, 0.5, 1.12), {{0.55, -0.1}, {-0.8, 1.3}, {0.85, 1.3}}};
    case 3:
      return {arc({0, -0.65}, {0.7, 0.65}, 0.55, 1.25), arc({0, 0.65}, {0.8, 0.65}, 0.75, 1.45)};
    case 4:
      return {{{0.3, -1.3}, {-0.85, 0.45}, {0.85, 0.45}}, {{0.4, -0.3}, {0.4, 1.3}}};
    case 5:
      return {{{0.7, -1.3}, {-0.6, -1.3}, {-0.65, -0.1}}, arc({-0.05, 0.5}, {0.8, 0.8}, 0.62, 1.42)};
    case 6:
      return {{{0.5, -1.3}, {-0.3, -0.6}, {-0.7, 0.3}}, arc({0, 0.6}, {0.72, 0.7}, 0, 1)};
    case 7:
      return {{{-0.8, -1.3}, {0.8, -1.3}, {-0.15, 1.3}}};
    case 8:
      return {arc({0, -0.65}, {0.6, 0.62}, 0, 1), arc({0, 0.65}, {0.75, 0.68}, 0, 1)};
    default:
      return {arc({0, -0.55}, {0.7, 0.72}, 0, 1), {{0.7, -0.5}, {0.55, 0.5}, {0.3, 1.3}}};
  }
}

double distance(Point p, Point a, Point b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double length = dx * dx + dy * dy;
  const double along = length == 0 ? 0 : std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0);
  return std::hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

std::array<unsigned char, pixels> draw(int digit, Random& random) {
  const double turn = random.between(-0.25, 0.25);
  const double slant = random.between(-0.3, 0.3);
  const double width = random.between(4.5, 7.5);
  const double height = random.between(5.5, 7.5);
  const Point centre{13.5 + random.between(-2.5, 2.5), 13.5 + random.between(-2.5, 2.5)};
  const double pen = random.between(0.7, 1.9);
  const double grain = random.between(0, 40);

  std::array<double, pixels> ink{};
  for (Stroke stroke : strokes_of(digit)) {
    for (Point& point : stroke) {
      const double x = (point.x + slant * point.y + random.between(-0.06, 0.06)) * width;
      const double y = (point.y + random.between(-0.06, 0.06)) * height;
      point = {centre.x + x * std::cos(turn) - y * std::sin(turn),
               centre.y + x * std::sin(turn) + y * std::cos(turn)};
    }
    for (std::size_t part = 0; part + 1 < stroke.size(); ++part) {
      const Point a = stroke[part];
      const Point b = stroke[part + 1];
      const auto bound = [](double value) {
        return static_cast<std::size_t>(std::clamp(value, 0.0, side - 1.0));
      };
      for (std::size_t y = bound(std::min(a.y, b.y) - 3); y <= bound(std::max(a.y, b.y) + 3); ++y) {
        for (std::size_t x = bound(std::min(a.x, b.x) - 3); x <= bound(std::max(a.x, b.x) + 3); ++x) {
          const double gap = distance({static_cast<double>(x), static_cast<double>(y)}, a, b);
          ink[y * side + x] = std::max(ink[y * side + x], std::clamp(pen + 0.5 - gap, 0.0, 1.0));
        }
      }
    }
  }
  std::array<unsigned char, pixels> image{};
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    const double value = ink[pixel] * 255 + random.between(-grain, grain);
    image[pixel] = static_cast<unsigned char>(std::clamp(value, 0.0, 255.0));
  }
  return image;
}

void append_number(std::string& bytes, std::size_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>((number >> shift) & 0xff);
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::path unfinished = path;
  unfinished += ".part";
  std::ofstream file(unfinished, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::system_error(errno, std::generic_category(), unfinished.string());
  std::filesystem::rename(unfinished, path);
}

void write_set(const std::filesystem::path& folder, const std::string& name, std::size_t count,
               Random& random) {
  std::string images;
  std::string labels;
  images.reserve(16 + count * pixels);
  append_number(images, 0x803);  // idx: unsigned bytes, 3 dimensions
  append_number(images, count);
  append_number(images, side);
  append_number(images, side);
  append_number(labels, 0x801);
  append_number(labels, count);
  for (std::size_t index = 0; index < count; ++index) {
    const int digit = static_cast<int>(random.next() % 10);
    const auto image = draw(digit, random);
    images.append(reinterpret_cast<const char*>(image.data()), image.size());
    labels += static_cast<char>(digit);
  }
  write_file(folder / (name + "-labels-idx1-ubyte"), labels);
  write_file(folder / (name + "-images-idx3-ubyte"), images);
}

}  // namespace

void write(const std::filesystem::path& folder, const Options& options) {
  std::filesystem::create_directories(folder);
  Random train(options.seed);
  Random test(options.seed + 1);
  write_set(folder, "train", options.train_count, train);
  write_set(folder, "t10k", options.test_count, test);
}

}  // namespace rendered_digits
