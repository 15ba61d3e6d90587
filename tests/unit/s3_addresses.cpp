// Which bucket and key a request means: in the path, or in the name of the host.
#include "emulator/wire/s3_address.hpp"
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace wire = sagemaker::local::wire;

namespace {

wire::S3Address address(const std::string& host, const std::string& path) {
  sagemaker::local::http::Request request;
  request.path = path;
  request.headers.add("Host", host);
  return wire::s3_address_of(request);
}

}  // namespace

TEST_CASE("a host name holds the bucket in every spelling that AWS has, and in our own") {
  struct Row {
    const char *host, *bucket;  // "": path style
  };
  for (const Row& row : {
           Row{"localhost", ""},
           Row{"localhost:4566", ""},
           Row{"127.0.0.1:4566", ""},
           Row{"[::1]:4566", ""},
           Row{"s3.localhost", ""},
           Row{"s3.us-east-1.localhost:4566", ""},
           Row{"s3.amazonaws.com", ""},
           Row{"s3.eu-west-1.amazonaws.com", ""},
           Row{"s3-us-west-2.amazonaws.com", ""},
           Row{"s3-external-1.amazonaws.com", ""},
           Row{"s3.dualstack.us-east-1.amazonaws.com", ""},
           Row{"s3-fips.us-gov-west-1.amazonaws.com", ""},
           Row{"s3-fips.dualstack.us-east-2.amazonaws.com", ""},
           Row{"s3-accelerate.amazonaws.com", ""},
           Row{"s3.cn-north-1.amazonaws.com.cn", ""},
           Row{"api.sagemaker.us-east-1.amazonaws.com", ""},
           Row{"example.org", ""},
           Row{"bucket.localhost", "bucket"},
           Row{"Bucket.Localhost:4566", "bucket"},
           Row{"my.bucket.localhost", "my.bucket"},
           Row{"bucket.s3.localhost", "bucket"},
           Row{"my.bucket.s3.localhost:1", "my.bucket"},
           Row{"bucket.s3.us-east-1.localhost", "bucket"},
           Row{"bucket.s3.amazonaws.com", "bucket"},
           Row{"bucket.s3.eu-central-1.amazonaws.com", "bucket"},
           Row{"bucket.s3-us-west-2.amazonaws.com", "bucket"},
           Row{"bucket.s3.dualstack.us-east-1.amazonaws.com", "bucket"},
           Row{"bucket.s3-fips.us-east-1.amazonaws.com", "bucket"},
           Row{"bucket.s3-fips.dualstack.us-east-1.amazonaws.com", "bucket"},
           Row{"bucket.s3-accelerate.amazonaws.com", "bucket"},
           Row{"bucket.s3-accelerate.dualstack.amazonaws.com", "bucket"},
           Row{"bucket.s3.cn-north-1.amazonaws.com.cn", "bucket"},
           Row{"bucket.s3.us-east-1.api.aws", "bucket"},
           Row{"bucket.s3.us-east-1.amazonaws.com.", "bucket"},
           Row{"s3.s3.amazonaws.com", "s3"},
           Row{"a.s3.b.s3.us-east-1.amazonaws.com", "a.s3.b"},
           Row{"s3.bucket.localhost", "s3.bucket"},
       }) {
    CAPTURE(row.host);
    const wire::S3Address found = address(row.host, "/first/second%20third//");
    CHECK(found.bucket == (*row.bucket ? row.bucket : "first"));
    CHECK(found.key == (*row.bucket ? "first/second third//" : "second third//"));
  }
}

TEST_CASE("paths are decoded once, and a broken one is refused") {
  CHECK(address("localhost", "/").bucket.empty());
  CHECK(address("localhost", "/b").key.empty());
  CHECK(address("b.localhost", "/").key.empty());
  CHECK(address("localhost", "/b/%2525/..%2F").key == "%25/../");
  CHECK_THROWS_AS(address("b.localhost", "/%zz"), sagemaker::local::ServiceFault);
}
