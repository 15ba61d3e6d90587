// The emulator's S3, with the library's client: large and huge objects (whose downloads a bare socket takes,
// so that the server is what is measured), small ones by the thousand, long listings, and what memory they
// take. Beside it the floors of this machine, measured in the same run, and another S3 server where
// SAGEMAKER_BENCH_PEER ("name http://127.0.0.1:port") names one; its lines have this emulator's figure as
// their floor.
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "tests/bench/bare_socket.hpp"
#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace fs = std::filesystem;
using sagemaker::S3Client;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t large_bytes = 64 * mebibyte;
constexpr std::size_t huge_bytes = 1024 * mebibyte;
constexpr std::size_t small_bytes = 1024;
constexpr int small_threads = 8;
constexpr int listed_keys = 10'000;
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
double rate(std::size_t bytes, int count, const std::function<void(int round)>& work) {
  double best = 0;
  for (int round = 0; round < count; ++round) {
    const auto start = Steady::now();
    work(round);
    best = std::max(best, static_cast<double>(bytes) / 1e6 / (ms_since(start) / 1000));
  }
  return best;
}

// Pieces of work a second that several threads complete; `begin` gives each thread its own function.
double together(int threads, int count, const std::function<std::function<void(int)>()>& begin) {
  std::atomic<int> next{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> running;
  const auto start = Steady::now();
  for (int index = 0; index < threads; ++index) {
    running.emplace_back([&] {
      try {
        const auto work = begin();
        for (int i = next++; i < count && !failed; i = next++) work(i);
      } catch (const std::exception& error) {
        if (!failed.exchange(true)) std::fprintf(stderr, "bench_s3: %s\n", error.what());
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  if (failed) throw std::runtime_error("a request failed");
  return count / (ms_since(start) / 1000);
}

// ---- floors ------------------------------------------------------------------------------------

void write_durably(const fs::path& path, std::string_view bytes, std::size_t times = 1) {
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  bool written = file >= 0;
  for (std::size_t i = 0; written && i < times; ++i) {
    written = ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  written = written && ::fdatasync(file) == 0;
  if (file >= 0) ::close(file);
  if (!written) throw std::system_error(errno, std::generic_category(), path.string());
}

struct Floors {
  double copy = 0, md5 = 0, crc32 = 0, sha256 = 0, disk = 0, durable_files = 0, read_files = 0, socket = 0;
  // One pass after the other over the same bytes, on one processor.
  double put() const { return 1 / (1 / copy + 1 / md5 + 1 / crc32 + 1 / sha256); }
};

Floors measure_floors(const std::string& bytes, const fs::path& folder) {
  Floors floors;
  std::string copy(bytes.size(), '\0');
  std::uint32_t seen = 0;  // keeps the work from being optimised away
  floors.copy = rate(bytes.size(), rounds, [&](int round) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    seen += static_cast<unsigned char>(copy[static_cast<std::size_t>(round) * 4096]);
  });
  floors.md5 = rate(bytes.size(), rounds, [&](int) {
    sagemaker::aws::Md5 md5;
    md5.update(bytes);
    seen += md5.finish()[0];
  });
  floors.crc32 = rate(bytes.size(), rounds, [&](int) { seen += sagemaker::aws::crc32(bytes); });
  floors.sha256 = rate(bytes.size(), rounds, [&](int) {
    sagemaker::aws::Sha256 sha256;
    sha256.update(bytes);
    seen += sha256.finish()[0];
  });
  floors.disk =
      rate(huge_bytes, 1, [&](int) { write_durably(folder / "disk", bytes, huge_bytes / bytes.size()); });
  floors.socket = rate(huge_bytes, rounds, [&](int) { bare_transfer(folder / "disk"); });
  fs::remove(folder / "disk");
  const std::string_view small = std::string_view(bytes).substr(0, small_bytes);
  const auto small_path = [&](int i) { return folder / ("small" + std::to_string(i)); };
  floors.durable_files = together(small_threads, 1000, [&] {
    return [&](int i) {
      write_durably(folder / ("new" + std::to_string(i)), small);
      fs::rename(folder / ("new" + std::to_string(i)), small_path(i));
    };
  });
  floors.read_files = together(small_threads, 1000, [&] {
    return [&](int i) {
      std::ifstream file(small_path(i), std::ios::binary);
      if (std::string(std::istreambuf_iterator<char>(file), {}).size() != small_bytes) {
        throw std::runtime_error("a file is not what was written");
      }
    };
  });
  if (seen == 0) throw std::runtime_error("the floors were not computed");
  print({"floor: memcpy", "MB/s", floors.copy});
  print({"floor: MD5", "MB/s", floors.md5});
  print({"floor: CRC-32", "MB/s", floors.crc32});
  print({"floor: SHA-256", "MB/s", floors.sha256});
  print({"floor: 1 GiB to the disk, write + fdatasync", "MB/s", floors.disk});
  print({"floor: 1 KiB files, fdatasync, 8 threads", "files/s", floors.durable_files});
  return floors;
}

// The time in which a program could list a folder of as many files in order.
double folder_listing_ms(const fs::path& folder) {
  fs::create_directory(folder);
  for (int i = 0; i < listed_keys; ++i) std::ofstream(folder / ("key" + std::to_string(i)));
  const auto start = Steady::now();
  std::map<std::string, std::uintmax_t> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    files[entry.path().filename().string()] = entry.file_size();
  }
  if (files.size() != listed_keys) throw std::runtime_error("files are missing");
  return ms_since(start);
}

// ---- a server ----------------------------------------------------------------------------------

// What is measured of each server, by name.
using Figures = std::map<std::string, double>;

struct Inputs {
  fs::path large, huge;
};

Figures large_objects(const S3Client& s3, const std::string& bucket, const Inputs& inputs) {
  Figures figures;
  const auto put = [&](const fs::path& file, const char* key) {
    s3.put_object({.bucket = bucket, .key = key, .file = file});
  };
  const auto get = [&](const char* key, std::size_t bytes) {
    bare_get(s3.presign({.bucket = bucket, .key = key}), bytes);
  };
  figures["PUT of 64 MiB"] = rate(large_bytes, rounds, [&](int) { put(inputs.large, "large"); });
  figures["GET of 64 MiB"] = rate(large_bytes, rounds, [&](int) { get("large", large_bytes); });
  figures["PUT of 1 GiB"] = rate(huge_bytes, 1, [&](int) { put(inputs.huge, "huge"); });
  figures["GET of 1 GiB"] = rate(huge_bytes, 1, [&](int) { get("huge", huge_bytes); });
  s3.delete_object({.bucket = bucket, .key = "huge"});
  return figures;
}

Figures small_objects(const sagemaker::Session& session, const std::string& bucket, const std::string& body) {
  Figures figures;
  const auto key = [](int i) { return "small/" + std::to_string(i % 97) + "/key" + std::to_string(i); };
  figures["PUT of 1 KiB"] = together(small_threads, listed_keys, [&]() -> std::function<void(int)> {
    return [&, s3 = session.s3()](int i) { s3.put_object({.bucket = bucket, .key = key(i), .body = body}); };
  });
  figures["GET of 1 KiB"] = together(small_threads, listed_keys, [&]() -> std::function<void(int)> {
    return [&, s3 = session.s3()](int i) { s3.get_object({.bucket = bucket, .key = key(i)}); };
  });
  const S3Client s3 = session.s3();
  const auto start = Steady::now();
  int listed = 0;
  for ([[maybe_unused]] const auto& object : s3.list_objects({.bucket = bucket, .prefix = "small/"}))
    ++listed;
  if (listed != listed_keys) throw std::runtime_error("keys are missing in the listing");
  figures["list of 10,000 keys"] = ms_since(start);
  return figures;
}

const std::map<std::string, std::string>& units() {
  static const std::map<std::string, std::string> all{
      {"PUT of 1 KiB", "req/s"}, {"GET of 1 KiB", "req/s"}, {"PUT of 64 MiB", "MB/s"},
      {"GET of 64 MiB", "MB/s"}, {"PUT of 1 GiB", "MB/s"},  {"list of 10,000 keys", "ms"},
      {"GET of 1 GiB", "MB/s"}};
  return all;
}

Figures measure_peer(const std::string& url, const Inputs& inputs, const std::string& small) {
  sagemaker::SessionOptions options;
  options.region = "us-east-1";
  options.endpoint_url = url;
  options.config.credentials.emplace();
  options.config.credentials->access_key_id = options.config.credentials->secret_access_key = "test";
  const sagemaker::Session session(options);
  session.s3().create_bucket("bench-peer");
  Figures figures = small_objects(session, "bench-peer", small);
  figures.merge(large_objects(session.s3(), "bench-peer", inputs));
  return figures;
}

void print_all(const Figures& figures, const Floors& floors, double folder_ms) {
  const Budget half{0.5, Judged::ratio, Better::higher};
  const Floor put{"copy + MD5 + CRC-32 + SHA-256, in turn", floors.put()};
  const Floor get{"1 GiB by sendfile over a bare socket", floors.socket};
  const std::map<std::string, std::pair<Floor, Budget>> judged{
      {"PUT of 64 MiB", {put, half}},
      {"PUT of 1 GiB", {floors.disk < put.value ? Floor{"disk, write + fdatasync", floors.disk} : put, half}},
      {"GET of 64 MiB", {get, half}},
      {"GET of 1 GiB", {get, half}},
      {"PUT of 1 KiB", {{"1 KiB files, fdatasync, 8 threads", floors.durable_files}, {}}},
      {"GET of 1 KiB", {{"1 KiB files read, 8 threads", floors.read_files}, {}}},
      {"list of 10,000 keys", {{"a folder of as many files", folder_ms}, {}}}};
  for (const auto& [what, pair] : judged) {
    print({"S3 " + what, units().at(what), figures.at(what), pair.first, pair.second});
  }
  print({"S3 list of 10,000 keys, a page of 1,000", "ms", figures.at("list of 10,000 keys") / 10});
}

void measure() {
  const sagemaker::detail::TemporaryFolder folder;
  const Inputs inputs{folder.path() / "large", folder.path() / "huge"};
  const std::string bytes = random_bytes(large_bytes);
  std::ofstream(inputs.large, std::ios::binary) << bytes;
  std::ofstream huge(inputs.huge, std::ios::binary);
  for (std::size_t done = 0; done < huge_bytes; done += bytes.size()) huge << bytes;
  huge.close();
  const std::string small = bytes.substr(0, small_bytes);
  fs::create_directory(folder.path() / "floors");
  const Floors floors = measure_floors(bytes, folder.path() / "floors");
  const double folder_ms = folder_listing_ms(folder.path() / "listed");

  Figures figures;
  {
    const sagemaker::LocalEmulator emulator;
    const sagemaker::Session session = emulator.session();
    const std::string bucket = session.default_bucket();
    session.s3().create_bucket(bucket);
    const double idle_mb = memory_mb(emulator.pid(), "VmHWM");
    figures = large_objects(session.s3(), bucket, inputs);
    const double large_mb = memory_mb(emulator.pid(), "VmHWM");
    figures.merge(small_objects(session, bucket, small));
    const double all_mb = memory_mb(emulator.pid(), "VmHWM");
    print_all(figures, floors, folder_ms);
    print({"sagemaker-local: memory that large objects take", "MB", large_mb - idle_mb, {}, {16}});
    print({"sagemaker-local: and small ones and listings", "MB", all_mb - large_mb, {}, {64}});
    print({"sagemaker-local: VmHWM after all of it", "MB", all_mb});
  }
  const char* peer = std::getenv("SAGEMAKER_BENCH_PEER");
  if (!peer) {
    std::printf("no other S3 server at hand\n");
    return;
  }
  std::istringstream words(peer);
  std::string name, url;
  words >> name >> url;
  for (const auto& [what, value] : measure_peer(url, inputs, small)) {
    print({name + ": S3 " + what, units().at(what), value, {"sagemaker-local", figures.at(what)}});
  }
}
}  // namespace

int main() { return run("bench_s3", measure); }
