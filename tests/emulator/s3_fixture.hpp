// What the tests of the S3 client share: an emulator with a bucket, files with contents that can be told
// apart, and a transport that a test can make fail.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include <sagemaker/aws/httplib_transport.hpp>
#include <sagemaker/clients/s3_transfer.hpp>
#include <sagemaker/local.hpp>

#include "tests/support/support.hpp"

namespace sagemaker::tests {

inline constexpr std::uint64_t mib = 1ull << 20;

// Bytes that depend on their place, so that parts in the wrong order show.
inline std::string pattern_bytes(std::uint64_t size, std::uint64_t seed = 1) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t word = state ^ state >> 29;
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, bytes.size() - at));
  }
  return bytes;
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::size_t entries_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// The real transport, through a test that may refuse, change or count what passes.
class MeddlingTransport final : public aws::Transport {
 public:
  using Meddle = std::function<void(const aws::HttpRequest&)>;  // throws in place of the request

  aws::HttpResponse send(const aws::HttpRequest& request) override {
    if (before) before(request);
    aws::HttpResponse response = inner_.send(request);
    if (after) after(request, response);
    return response;
  }

  Meddle before;
  std::function<void(const aws::HttpRequest&, aws::HttpResponse&)> after;

 private:
  aws::HttplibTransport inner_;
};

struct S3Fixture {
  LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  std::shared_ptr<MeddlingTransport> transport = std::make_shared<MeddlingTransport>();
  S3Client s3 = client();
  TemporaryDirectory folder;

  S3Fixture() { s3.create_bucket("bucket"); }

  S3Client client() {
    ClientConfig config = emulator.config();
    config.transport = transport;
    config.random = [] { return 0.0; };  // no pauses between attempts
    return S3Client(config);
  }
  // As S3 stored it.
  std::string crc32_of(const std::string& key) {
    return s3.head_object({.bucket = "bucket", .key = key}).headers.get("x-amz-checksum-crc32");
  }
  std::size_t unfinished_uploads() {
    std::size_t count = 0;
    for (const auto& upload : s3.list_multipart_uploads({.bucket = "bucket"}))
      count += upload.key.empty() ? 0 : 1;
    return count;
  }
};

}  // namespace sagemaker::tests
