// Uploads from forms: the policy decides, the file is streamed, and every refusal leaves nothing behind.
#include "emulator/wire/multipart_form.hpp"
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;
namespace wire = sagemaker::local::wire;
using sagemaker::json;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct FormFixture : S3BucketFixture {
  json conditions = json::array({{{"bucket", "bucket"}}, json::array({"starts-with", "$key", ""})});
  std::string expiration = "2013-05-24T01:00:00Z";
  std::string file = "the content\r\n--of a file\r\n";
  std::string file_name = "C:\\dir\\photo.jpg";
  std::string behind = "\r\n--XyZ\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n";
  std::string content_type = "multipart/form-data; boundary=XyZ";
  std::string host = "localhost:4566";
  std::optional<wire::PolicySignature> seen;

  std::string policy() const {
    return aws::base64_encode(json{{"expiration", expiration}, {"conditions", conditions}}.dump());
  }
  Fields signed_fields(Fields more) const {
    Fields fields = {{"key", "folder/${filename}"},
                     {"Policy", policy()},
                     {"AWSAccessKeyId", "test"},
                     {"Signature", "as the verifier likes"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  }
  std::string form(const Fields& fields, bool with_file = true) const {
    std::string text = "some preamble";
    for (const auto& [name, value] : fields) {
      text += "\r\n--XyZ\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value;
    }
    if (with_file) {
      text += "\r\n--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + file_name +
              "\"\r\nContent-Type: image/jpeg\r\n\r\n" + file;
    }
    return text + behind + "--XyZ--\r\n";
  }
  S3Answer post_raw(const std::string& bytes) {
    sagemaker::local::http::Request request;
    request.method = "POST";
    request.path = host == "localhost:4566" ? "/bucket" : "/";
    request.headers = {{"Host", host}, {"Content-Type", content_type}};
    body.bytes = bytes;
    body.read_bytes = 0;
    request.body = &body;
    try {
      CHECK(wire::is_s3_form_upload(request));
      return answer_of(protocol.upload_form(
          context, request,
          [this](const std::optional<wire::PolicySignature>& signature, const std::string&) {
            seen = signature;
            return signature ? signature->credential : std::string();
          }));
    } catch (const sagemaker::local::ServiceFault& fault) {
      return answer_of(wire::S3Protocol::error(fault, request, context.request_id));
    }
  }
  S3Answer post(const Fields& more = {}) { return post_raw(form(signed_fields(more))); }
};

}  // namespace

TEST_CASE_FIXTURE(FormFixture, "a form becomes an object, whatever the pieces it comes in") {
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 64u, 1000u, 100'000u}) {
    CAPTURE(piece);
    body.piece = piece;
    const S3Answer answer = post();
    CHECK(answer.status == 204);
    CHECK(answer.headers.get("ETag") == "\"" + md5_hex(file) + "\"");
    CHECK(answer.headers.get("Location") == "http://localhost:4566/bucket/folder/photo.jpg");
    CHECK(send("GET", "/bucket/folder/photo.jpg").body == file);
    CHECK(send("DELETE", "/bucket/folder/photo.jpg").status == 204);
  }
  body.piece = 1000;
  for (const std::size_t size : {0u, 1u, 999u, 300'000u}) {
    file.assign(size, '\r');
    CHECK(post().status == 204);
    CHECK(send("GET", "/bucket/folder/photo.jpg").body == file);
  }
  host = "bucket.localhost";
  CHECK(post().headers.get("Location") == "http://bucket.localhost/folder/photo.jpg");
}

TEST_CASE_FIXTURE(FormFixture, "a name of a file that is no UTF-8 makes no key") {
  file_name = "caf\xe9.jpg";
  const S3Answer refused = post();
  CHECK(refused.status == 400);
  CHECK(refused.text("ArgumentName") == "key");
  CHECK(objects.list("bucket", "", "", 10).empty());
}

TEST_CASE_FIXTURE(FormFixture, "fields become what headers are elsewhere") {
  for (const char* name : {"$Content-Type", "$x-amz-meta-who", "$tagging", "$x-amz-checksum-sha256",
                           "$submit-not", "$success_action_status", "$x-amz-server-side-encryption"}) {
    conditions.push_back(json::array({"starts-with", name, ""}));
  }
  const S3Answer answer = post({{"Content-Type", "image/png"},
                                {"x-amz-meta-who", "me"},
                                {"x-ignore-this", "1"},
                                {"x-amz-checksum-sha256", aws::base64_encode(aws::sha256(file))},
                                {"success_action_status", "201"}});
  CHECK_MESSAGE(answer.status == 201, answer.body);
  CHECK(answer.text("Bucket") == "bucket");
  CHECK(answer.text("Key") == "folder/photo.jpg");
  CHECK(answer.text("ETag") == "\"" + md5_hex(file) + "\"");
  CHECK(answer.text("Location") == "http://localhost:4566/bucket/folder/photo.jpg");
  const S3Answer head = send("HEAD", "/bucket/folder/photo.jpg", {{"x-amz-checksum-mode", "ENABLED"}});
  CHECK(head.headers.get("Content-Type") == "image/png");
  CHECK(head.headers.get("x-amz-meta-who") == "me");
  CHECK(head.headers.get("x-amz-checksum-sha256") == aws::base64_encode(aws::sha256(file)));
  CHECK(post({{"x-amz-checksum-sha256", aws::base64_encode(aws::sha256("other"))}}).code() == "BadDigest");
}

TEST_CASE_FIXTURE(FormFixture, "a redirect carries what was stored, on one line") {
  conditions.push_back(json::array({"starts-with", "$success_action_redirect", ""}));
  const S3Answer answer = post({{"success_action_redirect", "http://a.example/done?x=1"}});
  CHECK(answer.status == 303);
  CHECK(answer.headers.get("Location") ==
        "http://a.example/done?x=1&bucket=bucket&key=folder%2Fphoto.jpg&etag=%22" + md5_hex(file) + "%22");
  const std::string split =
      post({{"success_action_redirect", "http://a\r\nSet-Cookie: b=c"}}).headers.get("Location");
  CHECK(split.find_first_of("\r\n ") == std::string::npos);
  CHECK(post({{"success_action_redirect", "javascript:alert(1)"}}).status == 204);
}

TEST_CASE_FIXTURE(FormFixture,
                  "what the policy does not allow is refused in AWS's words and stored nowhere") {
  const auto refused = [&](const S3Answer& answer, const std::string& code, const std::string& message) {
    CHECK(answer.code() == code);
    CHECK(answer.text("Message") == message);
    CHECK(file_count() == 0);
  };
  const json usual = conditions;
  const auto with = [&](const json& condition) {
    conditions = usual;
    conditions.push_back(condition);
    return post({{"success_action_redirect", "http://localhost.test/random"}});
  };
  const std::string failed = "Invalid according to Policy: Policy Condition failed: ";
  refused(with(json::array({"eq", "$success_action_redirect", "HTTP://localhost.test/random"})),
          "AccessDenied", failed + R"(["eq", "$success_action_redirect", "HTTP://localhost.test/random"])");
  refused(with(json::array({"eq", "success_action_redirect", "http://localhost.test/random"})),
          "AccessDenied", failed + R"(["eq", "success_action_redirect", "http://localhost.test/random"])");
  refused(with({{"success_action_redirect", "http://localhost.test/other"}}), "AccessDenied",
          failed + R"(["eq", "$success_action_redirect", "http://localhost.test/other"])");
  refused(with(json::array({"starts-with", "$success_action_redirect", "http://localhosts"})), "AccessDenied",
          failed + R"(["starts-with", "$success_action_redirect", "http://localhosts"])");
  refused(with({{"acl", "private"}, {"key", "k"}}), "InvalidPolicyDocument",
          "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property "
          "specified.");
  refused(with(json::array({"eq", "$x-amz-meta-absent", ""})), "AccessDenied",
          failed + R"(["eq", "$x-amz-meta-absent", ""])");
  refused(with(json::array({"content-length-range", "test", 10})), "AccessDenied",
          failed + R"(["content-length-range", "test", "10"])");
  refused(with({{"acl", "private"}}), "AccessDenied", failed + R"(["eq", "$acl", "private"])");
  conditions = usual;
  refused(post({{"x-amz-meta-unnamed", "1"}}), "AccessDenied",
          "Invalid according to Policy: Extra input fields: x-amz-meta-unnamed");
  conditions = {{{"bucket", "another"}}, json::array({"starts-with", "$key", ""})};
  refused(post(), "AccessDenied", failed + R"(["eq", "$bucket", "another"])");
  conditions = usual;
  expiration = "2013-05-23T23:59:59Z";
  refused(post(), "AccessDenied", "Invalid according to Policy: Policy expired.");
  expiration = "soon";
  refused(post(), "InvalidPolicyDocument", "Invalid Policy: Invalid 'expiration' value: 'soon'");
}

TEST_CASE_FIXTURE(FormFixture, "the size of the file is known when it is there") {
  conditions.push_back(json::array({"content-length-range", 5, "1000"}));
  file.assign(1001, 'x');
  const S3Answer large = post();
  CHECK(large.code() == "EntityTooLarge");
  CHECK(large.text("MaxSizeAllowed") == "1000");
  CHECK(large.text("ProposedSize") == "1001");
  file = "1234";
  const S3Answer small = post();
  CHECK(small.code() == "EntityTooSmall");
  CHECK(small.text("Message") == "Your proposed upload is smaller than the minimum allowed size");
  CHECK(small.text("MinSizeAllowed") == "5");
  CHECK(file_count() == 0);
  file = "12345";
  CHECK(post().status == 204);
}

TEST_CASE_FIXTURE(FormFixture, "fields of a signature come together, and before the file") {
  const auto message = [&](const Fields& fields) {
    const S3Answer answer = post_raw(form(fields));
    CHECK(answer.code() == "InvalidArgument");
    CHECK(answer.text("Message") == "Bucket POST must contain a field named '" + answer.text("ArgumentName") +
                                        "'.  If it is specified, please check the order of the fields.");
    return answer.text("ArgumentName");
  };
  const std::pair<std::string, std::string> key = {"key", "k"}, text = {"policy", policy()};
  CHECK(message({text}) == "key");
  CHECK(message({key, text, {"Signature", "s"}}) == "AWSAccessKeyId");
  CHECK(message({key, text, {"AWSAccessKeyId", "a"}}) == "Signature");
  CHECK(message({key, text, {"X-Amz-Signature", "s"}, {"X-Amz-Credential", "c"}, {"X-Amz-Date", "d"}}) ==
        "X-Amz-Algorithm");
  CHECK(message({key,
                 text,
                 {"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
                 {"X-Amz-Credential", "c"},
                 {"X-Amz-Date", "d"}}) == "X-Amz-Signature");
  CHECK(message({key, {"AWSAccessKeyId", "a"}, {"Signature", "s"}}) == "policy");
  CHECK(post_raw(form(signed_fields({}), false)).text("Message") ==
        "POST requires exactly one file upload per request.");
  CHECK(post().status == 204);
  CHECK(seen->version_2);
  CHECK(context.access_key == "test");
}

TEST_CASE_FIXTURE(FormFixture, "a signed policy that is empty allows nothing") {
  Fields fields = signed_fields({});
  for (auto& [name, value] : fields) {
    if (name == "Policy") value.clear();
  }
  const S3Answer answer = post_raw(form(fields));
  CHECK(answer.code() == "InvalidPolicyDocument");
  CHECK(send("HEAD", "/bucket/folder/photo.jpg").status == 404);
}

TEST_CASE_FIXTURE(FormFixture, "a body that is no form is refused") {
  const std::string good = form(signed_fields({}));
  for (const std::string& bad :
       {std::string(), std::string("plain text"), good.substr(0, good.size() / 2),
        std::string("--XyZ\r\nno header at all\r\n\r\n"),
        std::string("--XyZ\r\nContent-Type: text/plain\r\n\r\nx"), form({{"key", "a"}, {"key", "b"}}),
        good.substr(0, good.find("\r\n--XyZ\r\nContent-Disposition: form-data; name=\"submit\""))}) {
    const S3Answer answer = post_raw(bad);
    CHECK_MESSAGE(answer.status == 400, bad.substr(0, 60));
    CHECK(file_count() == 0);
  }
  CHECK(post_raw(form({{"key", std::string(30'000, 'k')}})).code() == "MaxPostPreDataLengthExceededError");
  CHECK(post_raw(std::string(1 << 20, 'k')).code() == "MaxPostPreDataLengthExceededError");
  for (const char* type :
       {"application/octet-stream", "multipart/form-data", "multipart/form-data; boundary="}) {
    content_type = type;
    CHECK(post_raw(good).code() == "PreconditionFailed");
  }
  CHECK(wire::form_boundary("Multipart/Form-Data; charset=\"a;b\"; Boundary=\"q x\"") == "q x");
}
