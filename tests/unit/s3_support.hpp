// S3 without sockets: requests as the HTTP layer would hand them over, on a store of its own and a clock that
// stands.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <pugixml.hpp>
#include <unistd.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/s3/service.hpp"
#include "emulator/wire/s3_protocol.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

class StandingClock final : public aws::Clock {
 public:
  aws::TimePoint now() const override { return aws::from_epoch_ms(now_ms); }
  void sleep_for(std::chrono::milliseconds duration) override { now_ms += duration.count(); }
  std::chrono::steady_clock::time_point steady() const override { return {}; }
  std::int64_t now_ms = 1'369'353'600'123;  // Fri, 24 May 2013 00:00:00.123 GMT
};

// A body in small pieces; may end with an error in the middle, as when a client goes away.
class PiecewiseBody final : public local::http::BodyReader {
 public:
  std::string bytes;
  std::size_t piece = 1000;
  std::size_t read_bytes = 0;
  bool chunked = false;
  bool announced = true;  // by a Content-Length, where it is not chunked
  bool breaks_off = false;
  std::optional<std::uint64_t> length() const override {
    if (chunked) return std::nullopt;
    return bytes.size();
  }
  void read(const std::function<void(std::string_view)>& sink) override {
    read_while([&](std::string_view bytes_of_piece) {
      sink(bytes_of_piece);
      return true;
    });
  }
  void read_while(const std::function<bool(std::string_view)>& sink) override {
    const std::size_t end = breaks_off ? bytes.size() / 2 : bytes.size();
    while (read_bytes < end) {
      const std::size_t length = std::min(piece, end - read_bytes);
      read_bytes += length;
      if (!sink(std::string_view(bytes).substr(read_bytes - length, length))) return;
    }
    if (breaks_off) throw local::http::BodyError(400, "the connection was closed");
  }
};

struct S3Answer {
  int status = 0;
  aws::Headers headers;
  std::string body;

  // The text of the first element of that name, however deep.
  std::string text(const char* name) const {
    pugi::xml_document document;
    REQUIRE_MESSAGE(document.load_string(body.c_str(), pugi::parse_default | pugi::parse_ws_pcdata_single),
                    body);
    return document.select_node((std::string("//*[local-name()='") + name + "']").c_str())
        .node()
        .child_value();
  }
  std::vector<std::string> texts(const std::string& path) const {
    pugi::xml_document document;
    REQUIRE_MESSAGE(document.load_string(body.c_str()), body);
    std::vector<std::string> found;
    for (const pugi::xpath_node& node : document.select_nodes(path.c_str()))
      found.push_back(node.node().child_value());
    return found;
  }
  std::string code() const { return body.empty() ? "" : text("Code"); }
};

struct S3Fixture {
  static std::string schema() {
    return std::string(local::store::Objects::schema()) + std::string(local::store::BucketSettings::schema());
  }
  TemporaryDirectory directory;
  local::store::Database database{directory / "data.db", schema(), local::store::Durability::process};
  local::store::Objects objects{database, directory / "objects", local::store::Durability::process};
  local::store::BucketSettings settings{database};
  std::shared_ptr<StandingClock> clock = std::make_shared<StandingClock>();
  local::S3Limits limits;
  local::services::s3::Service service{objects, settings, clock, limits};
  local::wire::S3Protocol protocol{service, limits};
  local::wire::S3Protocol* used = &protocol;
  local::CallContext context{"111122223333", "us-east-1", "aws", "test", "request-1"};
  local::wire::Identity identity;
  PiecewiseBody body;

  S3Fixture() {
    identity.access_key = "test";
    identity.verified = true;
  }

  S3Answer send(const std::string& method, const std::string& target, aws::Headers headers = {},
                const std::string& bytes = "") {
    local::http::Request request;
    request.method = method;
    request.target = target;
    const std::size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.query = target.substr(question + 1);
    request.headers = std::move(headers);
    if (!request.headers.contains("Host")) request.headers.add("Host", "127.0.0.1:4566");
    body.bytes = bytes;
    body.read_bytes = 0;
    request.body = &body;
    if (body.announced && !body.chunked && !request.headers.contains("Content-Length")) {
      request.headers.add("Content-Length", std::to_string(bytes.size()));
    }
    local::http::Response response;
    try {
      response = used->handle(context, request, identity);
    } catch (const local::ServiceFault& fault) {
      response = local::wire::S3Protocol::error(fault, request, context.request_id);
    }
    return answer_of(std::move(response));
  }

  S3Answer put(const std::string& target, const std::string& bytes, aws::Headers headers = {}) {
    return send("PUT", target, std::move(headers), bytes);
  }

  static S3Answer answer_of(local::http::Response response) {
    S3Answer answer{response.status, std::move(response.headers), ""};
    if (const auto* text = std::get_if<std::string>(&response.body)) answer.body = *text;
    if (const auto* file = std::get_if<local::http::FileBody>(&response.body)) {
      answer.body.resize(file->length);
      CHECK(::pread(file->descriptor, answer.body.data(), file->length, static_cast<off_t>(file->offset)) ==
            static_cast<ssize_t>(file->length));
      ::close(file->descriptor);
    }
    if (response.head_length) answer.headers.set("Content-Length", std::to_string(*response.head_length));
    return answer;
  }

  // Files that hold bytes: of objects, of parts, and temporary ones.
  int file_count() const {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "objects")) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }
};

struct S3BucketFixture : S3Fixture {
  S3BucketFixture() { REQUIRE(send("PUT", "/bucket").status == 200); }
  std::size_t settings_of_bucket() const { return settings.all("bucket").size(); }
};

inline std::string md5_base64(std::string_view text) {
  aws::Md5 md5;
  md5.update(text);
  return aws::base64_encode(md5.finish());
}

inline std::string md5_hex(std::string_view text) {
  aws::Md5 md5;
  md5.update(text);
  return aws::to_hex(md5.finish());
}

}  // namespace sagemaker::tests
