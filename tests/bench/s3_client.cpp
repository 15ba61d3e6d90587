// Files and folders to and from one emulator with this library, the AWS command lines and rclone: bytes a
// second and files a second, each tool as its users start it. A tool that is not there is left out by name.
#include <cstdlib>
#include <random>

#include <sagemaker/clients/s3_transfer.hpp>

#include "tests/bench/bench.hpp"

namespace {
using namespace sagemaker::bench;
namespace fs = std::filesystem;

constexpr std::size_t large_bytes = std::size_t{512} << 20;
constexpr int small_files = 500;
constexpr int rounds = 2;

void write_random(const fs::path& path, std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::ofstream file(path, std::ios::binary);
  std::string block(std::size_t{1} << 20, '\0');
  for (std::size_t done = 0; done < size; done += block.size()) {
    for (std::size_t at = 0; at < block.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = random();
      block.replace(at, sizeof word, reinterpret_cast<const char*>(&word), sizeof word);
    }
    file.write(block.data(), static_cast<std::streamsize>(std::min(block.size(), size - done)));
  }
}

// The fastest of a few rounds, in seconds.
template <class Work>
double seconds(Work work) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Steady::now();
    work();
    const double took = ms_since(start) / 1000;
    best = best == 0 ? took : std::min(best, took);
  }
  return best;
}

void shell(const std::string& command) {
  if (std::system((command + " >/dev/null 2>&1").c_str()) != 0)
    throw std::runtime_error("failed: " + command);
}

struct Tool {
  std::string name;
  std::string program;                     // looked for; "": this library
  std::string up, down, up_all, down_all;  // command lines
};

bool is_there(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

struct Places {
  fs::path large, small, back;
  std::string bucket;
};

void measure_library(const sagemaker::S3Client& s3, const Places& at) {
  const std::string to = "s3://" + at.bucket + "/library";
  const double megabytes = static_cast<double>(large_bytes) / 1e6;
  print({"sagemaker-cpp: upload of 512 MiB", "MB/s",
         megabytes / seconds([&] { s3.upload({.from = at.large, .to = to + "/large"}); })});
  print({"sagemaker-cpp: download of 512 MiB", "MB/s",
         megabytes / seconds([&] { s3.download({.from = to + "/large", .to = at.back / "large"}); })});
  print({"sagemaker-cpp: upload of 500 files", "files/s",
         small_files / seconds([&] { s3.upload({.from = at.small, .to = to + "/small"}); })});
  print({"sagemaker-cpp: download of 500 files", "files/s",
         small_files / seconds([&] { s3.download({.from = to + "/small", .to = at.back / "s"}); })});
}

void measure_tool(const Tool& tool) {
  if (!is_there(tool.program)) {
    std::printf("%s: left out, it is not installed\n", tool.name.c_str());
    return;
  }
  const double megabytes = static_cast<double>(large_bytes) / 1e6;
  print({tool.name + ": upload of 512 MiB", "MB/s", megabytes / seconds([&] { shell(tool.up); })});
  print({tool.name + ": download of 512 MiB", "MB/s", megabytes / seconds([&] { shell(tool.down); })});
  print({tool.name + ": upload of 500 files", "files/s", small_files / seconds([&] { shell(tool.up_all); })});
  print({tool.name + ": download of 500 files", "files/s",
         small_files / seconds([&] { shell(tool.down_all); })});
}

Tool aws_cli(const std::string& program, const Places& at, const std::string& endpoint) {
  const std::string cp = program + " --endpoint-url " + endpoint + " s3 cp ";
  const std::string key = " s3://" + at.bucket + "/cli/";
  return {program == "aws" ? "aws s3 cp" : program + " s3 cp",
          program,
          cp + at.large.string() + key + "large",
          cp + key + "large " + at.back.string() + "/cli",
          cp + "--recursive " + at.small.string() + key + "small",
          cp + "--recursive " + key + "small " + at.back.string() + "/cli-small"};
}

Tool rclone(const Places& at, const std::string& endpoint) {
  const std::string remote =
      "':s3,provider=Other,env_auth=true,endpoint=\"" + endpoint + "\":" + at.bucket + "/rclone/";
  const std::string copy = "rclone --config /dev/null --ignore-times copyto ",
                    all = "rclone --config /dev/null --ignore-times copy ";
  return {"rclone",
          "rclone",
          copy + at.large.string() + " " + remote + "large'",
          copy + remote + "large' " + at.back.string() + "/rclone",
          all + at.small.string() + " " + remote + "small'",
          all + remote + "small' " + at.back.string() + "/rclone-small"};
}

void measure() {
  const sagemaker::LocalEmulator emulator;
  const sagemaker::Session session = emulator.session();
  const sagemaker::detail::TemporaryFolder folder;
  const Places at{folder.path() / "large", folder.path() / "small", folder.path() / "back",
                  session.default_bucket()};
  fs::create_directories(at.small);
  fs::create_directories(at.back);
  write_random(at.large, large_bytes, 1);
  for (int i = 0; i < small_files; ++i) write_random(at.small / std::to_string(i), 16 * 1024, 2);
  ::setenv("AWS_ACCESS_KEY_ID", "test", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
  ::setenv("AWS_DEFAULT_REGION", "us-east-1", 1);
  for (const char* name : {"AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_PROFILE"}) ::unsetenv(name);

  measure_library(session.s3(), at);
  measure_tool(aws_cli("aws", at, emulator.endpoint_url()));
  if (is_there("/usr/bin/aws") && std::system("test \"$(command -v aws)\" = /usr/bin/aws") != 0) {
    measure_tool(aws_cli("/usr/bin/aws", at, emulator.endpoint_url()));
  }
  measure_tool(rclone(at, emulator.endpoint_url()));
}
}  // namespace

int main() { return run("bench_s3_client", measure); }
