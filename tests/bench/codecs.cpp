// What it costs to read and write the numbers of a request, each beside the way that the standard library and
// nlohmann/json offer: one image of 784 numbers, as Python's json.dumps writes it (17 digits) and as integers.
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sagemaker/container/detail/csv_reader.hpp>
#include <sagemaker/container/detail/json_reader.hpp>
#include <sagemaker/container/detail/number_text.hpp>

#include "tests/bench/bench.hpp"

namespace {

using namespace sagemaker::bench;
namespace codec = sagemaker::container::detail;

constexpr std::size_t numbers = 784;
volatile float sink = 0;  // so that nothing is optimised away

// Microseconds of one call: the median of many.
template <class Call>
double call_us(Call&& call) {
  std::vector<double> samples;
  for (int round = 0; round < 3000; ++round) {
    const auto start = Steady::now();
    call();
    if (round >= 300) samples.push_back(ms_since(start) * 1000);
  }
  return percentile(samples, 0.5);
}

template <class Number>
std::string joined(const std::vector<Number>& values, const char* format, const char* separator) {
  std::string out;
  for (const Number value : values) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    out.append(out.empty() ? "" : separator).append(text);
  }
  return out;
}

double read_json_us(const std::string& text) {
  return call_us([&] {
    const std::unique_ptr<float[]> memory(new float[codec::JsonReader::numbers_max(text)]);
    codec::JsonReader(text).read(memory.get());
    sink = memory[1];
  });
}

// The document first, the numbers from it.
double read_nlohmann_us(const std::string& text) {
  return call_us([&] {
    const auto document = nlohmann::json::parse(text);
    std::vector<float> values;
    for (const auto& row : document) {
      for (const auto& value : row) values.push_back(value.get<float>());
    }
    sink = values[1];
  });
}

double read_csv_us(const std::string& text) {
  return call_us([&] {
    const std::unique_ptr<float[]> memory(new float[codec::CsvReader::numbers_max(text)]);
    codec::CsvReader(text).read(memory.get());
    sink = memory[1];
  });
}

// One number after the other, whatever stands between them.
template <class Read>
double read_one_by_one_us(const std::string& text, Read&& read) {
  return call_us([&] {
    std::vector<float> values;
    const char* at = text.c_str();
    const char* const end = at + text.size();
    while (at < end) {
      values.push_back(read(at, end));
      ++at;
    }
    sink = values[1];
  });
}

float by_strtod(const char*& at, const char*) {
  char* behind = nullptr;
  const double value = std::strtod(at, &behind);
  at = behind;
  return static_cast<float>(value);
}

float by_from_chars(const char*& at, const char* end) {
  double value = 0;
  at = std::from_chars(at, end, value).ptr;
  return static_cast<float>(value);
}

void measure_reading(const std::string& what, const std::string& csv) {
  const std::string json = "[[" + csv + "]]";
  const double ours = read_json_us(json);
  print({"reading JSON, " + what, "us", ours, {"nlohmann/json", read_nlohmann_us(json)}, {0.5, Judged::ratio}});
  const double csv_us = read_csv_us(csv + "\n");
  print({"reading CSV, " + what, "us", csv_us, {"strtod", read_one_by_one_us(csv, by_strtod)}, {1, Judged::ratio}});
  print({"reading CSV, " + what, "us", csv_us, {"std::from_chars<double>", read_one_by_one_us(csv, by_from_chars)}});
}

void measure_writing(const std::string& what, const std::vector<float>& values) {
  const double ours = call_us([&] {
    std::string out;
    codec::append_numbers(out, values.data(), values.size(), ", ", codec::json_words);
    sink = static_cast<float>(out.size());
  });
  const double nlohmann = call_us([&] {
    const std::string out = nlohmann::json(values).dump();
    sink = static_cast<float>(out.size());
  });
  const double printed = call_us([&] {
    std::string out;
    for (const float value : values) {
      char text[40];
      out.append(text, static_cast<std::size_t>(
                           std::snprintf(text, sizeof text, "%.9g, ", static_cast<double>(value))));
    }
    sink = static_cast<float>(out.size());
  });
  print({"writing JSON, " + what, "us", ours, {"nlohmann/json", nlohmann}, {1, Judged::ratio}});
  print({"writing JSON, " + what, "us", ours, {"printf", printed}});
}

}  // namespace

int main() {
  return run("codecs", [] {
    std::mt19937 random(1);
    std::vector<double> doubles;
    std::vector<float> floats;
    std::vector<int> pixels;
    for (std::size_t i = 0; i < numbers; ++i) {
      pixels.push_back(static_cast<int>(random() % 256));
      doubles.push_back(static_cast<double>(random()) / 4294967296.0);
      floats.push_back(static_cast<float>(doubles.back()));
    }
    measure_reading("784 numbers of 17 digits", joined(doubles, "%.17g", ", "));
    measure_reading("784 numbers of 6 digits", joined(doubles, "%.6g", ", "));
    measure_reading("784 pixels", joined(pixels, "%d", ","));
    measure_writing("784 numbers", floats);
    measure_writing("784 whole numbers", std::vector<float>(pixels.begin(), pixels.end()));
  });
}
