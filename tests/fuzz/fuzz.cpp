// The program of all fuzz targets:
//   FUZZ_TARGET=uri fuzz CORPUS_FOLDER -max_total_time=60     libFuzzer's own options
//   FUZZ_SEEDS=FOLDER fuzz                                    writes FOLDER/TARGET/seed-N and
//   FOLDER/TARGET.dict, ends
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

namespace {

const Target* chosen = nullptr;

std::string dictionary_line(std::string_view word) {
  std::string line = "\"";
  for (const char c : word) {
    char escaped[8];
    const bool plain = c >= ' ' && c < '\x7f' && c != '"' && c != '\\';
    std::snprintf(escaped, sizeof escaped, plain ? "%c" : "\\x%02X", static_cast<unsigned char>(c));
    line += escaped;
  }
  return line + "\"\n";
}

void write_seeds(const std::filesystem::path& folder) {
  for (const Target& target : targets()) {
    std::filesystem::create_directories(folder / target.name);
    int number = 0;
    for (const std::string& seed : target.seeds) {
      std::ofstream(folder / target.name / ("seed-" + std::to_string(++number)), std::ios::binary) << seed;
    }
    std::ofstream dictionary(folder / (target.name + ".dict"), std::ios::binary);
    for (const std::string& word : target.words) dictionary << dictionary_line(word);
  }
}

void choose() {
  const char* name = std::getenv("FUZZ_TARGET");
  for (const Target& target : targets()) {
    if (name && target.name == name) chosen = &target;
  }
  if (chosen) return;
  std::fprintf(stderr, "FUZZ_TARGET must name one of:\n");
  for (const Target& target : targets()) std::fprintf(stderr, "  %s\n", target.name.c_str());
  std::exit(2);
}

}  // namespace
}  // namespace sagemaker::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* folder = std::getenv("FUZZ_SEEDS")) {
    sagemaker::fuzz::write_seeds(folder);
    std::exit(0);
  }
  sagemaker::fuzz::choose();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sagemaker::fuzz::chosen->body({reinterpret_cast<const char*>(data), size});
  return 0;
}
