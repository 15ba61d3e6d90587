// Signature Version 4 of an S3 upload: how many a second one thread signs, presigns and verifies, beside
// botocore's signer on the same request in the same run.
#include <array>
#include <cstdlib>
#include <string>

#include <sagemaker/aws/sigv4.hpp>

#include "tests/bench/bench.hpp"

using namespace sagemaker;

namespace {

constexpr double seconds_each = 2;
const aws::Credentials credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
                                   std::nullopt};
const aws::sigv4::Scope scope{"us-east-1", "s3"};

// What signatures_botocore.py signs.
aws::sigv4::Message upload() {
  aws::sigv4::Message message;
  message.method = "PUT";
  message.path = "/bucket/folder/a%20key.bin";
  message.query = "partNumber=7&uploadId=VXBsb2FkIElEIGZvciBlbHZpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA";
  message.headers = {{"Host", "127.0.0.1:4566"},
                     {"Content-Type", "application/octet-stream"},
                     {"x-amz-meta-one", "first"},
                     {"x-amz-sdk-checksum-algorithm", "CRC32"},
                     {"x-amz-checksum-crc32", "PiG0Cw=="}};
  message.payload_hash = std::string(aws::sigv4::unsigned_payload);
  message.s3_path = true;
  return message;
}

// Calls a second of one thread.
template <class Work>
double rate(Work work) {
  const auto start = bench::Steady::now();
  std::size_t count = 0;
  double passed_ms = 0;
  do {
    for (int i = 0; i < 100; ++i) work();
    count += 100;
    passed_ms = bench::ms_since(start);
  } while (passed_ms < seconds_each * 1000);
  return static_cast<double>(count) / passed_ms * 1000;
}

// What the Python program prints: signatures and presigned queries a second; zeros where botocore is absent.
std::array<double, 2> botocore_rates() {
  std::array<double, 2> rates{};
  const std::string command = std::string("python3 '") + SAGEMAKER_BENCH_FOLDER +
                              "/signatures_botocore.py' " + std::to_string(seconds_each);
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return rates;
  const int read = std::fscanf(pipe, "%lf %lf", &rates[0], &rates[1]);
  const int status = ::pclose(pipe);
  return read == 2 && status == 0 ? rates : std::array<double, 2>{};
}

void measure() {
  const aws::sigv4::Message plain = upload();
  const aws::TimePoint now = aws::system_clock()->now();
  const auto [botocore_signs, botocore_presigns] = botocore_rates();
  const bool compared = botocore_signs > 0;
  if (!compared) std::printf("signatures: python3 has no botocore to compare with\n");
  const auto beside = [compared](double value) {
    return compared ? bench::Floor{"botocore", value} : bench::Floor{};
  };

  const double signs = rate([&] {
    aws::sigv4::Message message = plain;
    aws::sigv4::sign(message, credentials, scope, now);
  });
  bench::print({"signatures made a second (1 thread)", "/s", signs, beside(botocore_signs)});
  const double presigns = rate([&] {
    if (aws::sigv4::presign(plain, credentials, scope, now, std::chrono::hours(1)).empty())
      throw std::runtime_error("no query came back");
  });
  bench::print({"presigned queries made a second (1 thread)", "/s", presigns, beside(botocore_presigns)});

  aws::sigv4::Message message = plain;
  aws::sigv4::sign(message, credentials, scope, now);
  const double verifies = rate([&] {
    const auto claim = aws::sigv4::claim_of(message);
    if (!claim || !aws::sigv4::verify(message, *claim, credentials.secret_access_key))
      throw std::runtime_error("a good signature was refused");
  });
  bench::print({"signatures verified a second (1 thread)", "/s", verifies, beside(botocore_signs)});
}

}  // namespace

int main() { return bench::run("signatures", measure); }
