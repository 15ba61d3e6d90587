// PUT and GET of a large object. Floor: what no implementation can do without, one copy of the bytes in memory, their
// MD5 (the ETag) and their CRC-32 (the checksum), each once and one after the other on one processor.
#include <cstring>
#include <random>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;

constexpr std::size_t object_bytes = std::size_t{64} << 20;
constexpr int rounds = 3;

std::string random_bytes(std::size_t size) {
  std::mt19937_64 random(7);
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  return bytes;
}

// MB/s of the fastest of a few rounds.
template <class Work>
double rate(Work work) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Steady::now();
    work(round);
    best = std::max(best, static_cast<double>(object_bytes) / 1e6 / (ms_since(start) / 1000));
  }
  return best;
}

double floor_rate(const std::string& bytes) {
  std::string copy(bytes.size(), '\0');
  std::uint32_t seen = 0;
  const double result = rate([&](int) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    sagemaker::aws::Md5 md5;
    md5.update(copy);
    seen += md5.finish()[0] + sagemaker::aws::crc32(copy);
  });
  if (seen == 0) throw std::runtime_error("the floor was not computed");  // keeps the work from being optimised away
  return result;
}

void measure() {
  const std::string bytes = random_bytes(object_bytes);
  const Floor floor{"copy + MD5 + CRC-32, once each", floor_rate(bytes)};
  const sagemaker::LocalEmulator emulator;
  const sagemaker::Session session = emulator.session();
  const std::string bucket = session.default_bucket();
  const double before_mb = memory_mb(emulator.pid(), "VmHWM");

  const Budget half{0.5, Judged::ratio, Better::higher};
  const sagemaker::detail::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "object";
  std::ofstream(file, std::ios::binary) << bytes;
  print({"S3 PUT of 64 MiB from a file", "MB/s", rate([&](int round) {
           session.s3().put_object({.bucket = bucket, .key = std::to_string(round), .file = file});
         }),
         floor, half});
  print({"S3 GET of 64 MiB to a file", "MB/s", rate([&](int round) {
           session.s3().get_object_to_file({.bucket = bucket, .key = std::to_string(round)}, folder.path() / "got");
         }),
         floor, half});
  print({"sagemaker-local: memory that large objects take", "MB", memory_mb(emulator.pid(), "VmHWM") - before_mb,
         {}, {16}});
}
}  // namespace

int main() { return run("bench_s3", measure); }
