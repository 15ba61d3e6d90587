// Signature Version 4 against what AWS publishes: the vectors of awslabs/aws-c-auth, where they are on the
// machine, and the examples of the S3 documentation. Each vector is signed, verified, and verified again with
// one bit changed.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/sigv4.hpp>

#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using sigv4::Message;

namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// The request files are raw HTTP with line feeds; a deeper line continues the header above it.
Message read_request(const std::string& text) {
  Message message;
  std::size_t at = text.find('\n');
  const std::string first = text.substr(0, at++);
  const std::size_t method_end = first.find(' ');
  const std::size_t target_end = first.rfind(" HTTP/");
  REQUIRE(target_end != std::string::npos);
  message.method = first.substr(0, method_end);
  const std::string target = first.substr(method_end + 1, target_end - method_end - 1);
  const std::size_t question = target.find('?');
  message.path = target.substr(0, question);
  if (question != std::string::npos) message.query = target.substr(question + 1);
  Headers headers;
  std::string body;
  std::vector<Header> fields;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.empty()) break;
    if (line.front() == ' ') {
      fields.back().value += "\n" + line;
    } else {
      const std::size_t colon = line.find(':');
      fields.push_back({line.substr(0, colon), line.substr(colon + 1)});
    }
  }
  if (at < text.size()) body = text.substr(at);
  for (const Header& field : fields) message.headers.add(field.name, field.value);
  message.payload_hash = sha256_hex(body);
  return message;
}

struct Vector {
  std::string name;
  std::filesystem::path folder;
  Message message;
  Credentials credentials;  // with the token
  sigv4::Scope scope;
  TimePoint time;
  std::chrono::seconds expires{0};
  bool omit_token = false;
  bool sign_body = false;

  // The token only goes into the signature where the vector says so.
  Credentials signing_credentials() const {
    Credentials copy = credentials;
    if (omit_token) copy.session_token.clear();
    return copy;
  }
  std::string file(const std::string& part) const { return read_text(folder / part); }
};

Vector read_vector(const std::filesystem::path& folder) {
  const json context = parse_json(read_text(folder / "context.json"));
  Vector vector;
  vector.name = folder.filename().string();
  vector.folder = folder;
  vector.message = read_request(read_text(folder / "request.txt"));
  vector.message.s3_path = !context.at("normalize").get<bool>();
  const json& keys = context.at("credentials");
  vector.credentials = {keys.at("access_key_id"), keys.at("secret_access_key"), keys.value("token", ""),
                        std::nullopt};
  vector.scope = {context.at("region"), context.at("service")};
  vector.time = parse_iso8601(context.at("timestamp").get<std::string>()).value();
  vector.expires = std::chrono::seconds(context.at("expiration_in_seconds").get<int>());
  vector.omit_token = context.value("omit_session_token", false);
  vector.sign_body = context.value("sign_body", false);
  return vector;
}

std::vector<Vector> all_vectors() {
  std::vector<Vector> vectors;
  const auto root = tests::data_file("aws/sigv4-test-suite/tests/aws-signing-test-suite/v4");
  if (!root) {
    tests::skip("the SigV4 vectors of awslabs/aws-c-auth are not on this machine");
    return vectors;
  }
  for (const auto& entry : std::filesystem::directory_iterator(*root)) {
    if (entry.is_directory()) vectors.push_back(read_vector(entry.path()));
  }
  CHECK(vectors.size() == 38);
  return vectors;
}

std::string signature_in(const Headers& headers) {
  const std::string authorization = headers.get("Authorization");
  return authorization.substr(authorization.rfind("Signature=") + 10);
}

// A path that is "not normalised" in these vectors belongs to a service other than S3: no payload header is
// expected.
void sign_as_vector(const Vector& vector, Message& message) {
  if (vector.sign_body) message.headers.add("x-amz-content-sha256", message.payload_hash);
  const bool s3_path = message.s3_path;
  if (!s3_path) {
    sigv4::sign(message, vector.signing_credentials(), vector.scope, vector.time);
    return;
  }
  // sign() adds x-amz-content-sha256 for S3 paths; the vector has none, so its parts are checked one by one.
  const std::string amz_date = format_amz_date(vector.time);
  message.headers.add("X-Amz-Date", amz_date);
  const std::vector<std::string> names{"host", "x-amz-date"};
  const auto key = sigv4::signing_key(vector.credentials.secret_access_key, amz_date.substr(0, 8),
                                      vector.scope.region, vector.scope.service);
  const std::string text =
      sigv4::string_to_sign(amz_date, vector.scope, sigv4::canonical_request(message, names));
  message.headers.add("Authorization",
                      "AWS4-HMAC-SHA256 Credential=" + vector.credentials.access_key_id + "/" +
                          sigv4::scope_text(amz_date, vector.scope) +
                          ", SignedHeaders=host;x-amz-date, Signature=" + sigv4::signature(key, text));
}

// Whether a signature holds for changed messages exactly where their canonical request is what it was, as
// where
// "/./" becomes "///" in a path that is normalised.
struct Verifier {
  Verifier(const Message& message, const sigv4::Claim& of, std::string key)
      : claim(of), secret(std::move(key)), before(canonical(message)) {}
  std::string canonical(const Message& message) const {
    return sigv4::canonical_request(message, sigv4::detail::split_names(claim.signed_headers));
  }
  void check(const Message& changed, const std::string& what) {
    const bool same = canonical(changed) == before;
    if (sigv4::verify(changed, claim, secret) != same) FAIL_CHECK(what);
    flipped += same ? 0 : 1;
  }
  // Flips the lowest bit of every byte of a part of the message, one at a time.
  void flip_each(Message message, std::string Message::*part) {
    for (char& c : message.*part) {
      c = static_cast<char>(c ^ 1);
      check(message, message.*part);
      c = static_cast<char>(c ^ 1);
    }
  }

  sigv4::Claim claim;
  std::string secret, before;
  int flipped = 0;  // changes that the signature had to notice
};

// Every byte of the method, the path, the query, each signed header's value, the payload's hash and the
// signature; then the secret.
void check_each_bit(const Message& original, const sigv4::Claim& read, const std::string& secret,
                    bool token_is_signed) {
  Message message = original;
  sigv4::Claim claim = read;
  Verifier verifier(original, read, secret);
  verifier.flip_each(original, &Message::method);
  verifier.flip_each(original, &Message::payload_hash);
  CHECK(verifier.flipped == static_cast<int>(original.method.size() + original.payload_hash.size()));
  verifier.flip_each(original, &Message::path);
  const std::vector<std::string> names = sigv4::detail::split_names(claim.signed_headers);
  std::vector<Header> fields(original.headers.begin(), original.headers.end());
  for (Header& field : fields) {
    if (std::find(names.begin(), names.end(), to_lower(field.name)) == names.end()) continue;
    for (char& c : field.value) {
      c = static_cast<char>(c ^ 1);
      Message changed = original;
      changed.headers = {};
      for (const Header& each : fields) changed.headers.add(each.name, each.value);
      verifier.check(changed, field.name + ": " + field.value);
      c = static_cast<char>(c ^ 1);
    }
  }
  CHECK(verifier.flipped > static_cast<int>(original.method.size() + original.payload_hash.size()));
  for (char& c : claim.signature) {
    c = static_cast<char>(c ^ 1);
    CHECK_FALSE(sigv4::verify(message, claim, secret));
    c = static_cast<char>(c ^ 1);
  }
  // Flips in a presigned query may break what makes it one: then there is another claim, or none.
  // Where the token is not signed its parameter may say anything: a server compares it with the one it gave
  // out.
  constexpr std::size_t none = std::string::npos;
  const std::size_t token = token_is_signed ? none : message.query.find("X-Amz-Security-Token=");
  const std::size_t token_end = token == none ? none : message.query.find('&', token);
  for (std::size_t at = 0; at < message.query.size(); ++at) {
    if (at >= token && at < token_end) continue;
    char& c = message.query[at];
    c = static_cast<char>(c ^ 1);
    std::optional<sigv4::Claim> changed = claim;
    try {
      if (claim.presigned) changed = sigv4::claim_of(message);
    } catch (const sigv4::SignatureFormatError&) {
      changed.reset();
    }
    if (changed && changed->presigned == claim.presigned)
      CHECK_FALSE_MESSAGE(sigv4::verify(message, *changed, secret), message.query);
    c = static_cast<char>(c ^ 1);
  }
  CHECK(sigv4::verify(message, claim, secret));  // everything is as it was
  for (const char* added : {"x=1", "X-Amz-Signature-Extra=1"}) {
    message.query = original.query + (original.query.empty() ? "" : "&") + added;
    CHECK_FALSE(sigv4::verify(message, claim, secret));
  }
  std::string other = secret;
  other.front() = static_cast<char>(other.front() ^ 1);
  CHECK_FALSE(sigv4::verify(original, claim, other));
}

}  // namespace

TEST_CASE("AWS's vectors: canonical request, string to sign and signature of signed headers") {
  for (const Vector& vector : all_vectors()) {
    CAPTURE(vector.name);
    Message message = vector.message;
    sign_as_vector(vector, message);
    const auto claim = sigv4::claim_of(message);
    REQUIRE(claim);
    const std::string canonical =
        sigv4::canonical_request(message, sigv4::detail::split_names(claim->signed_headers));
    CHECK(canonical == vector.file("header-canonical-request.txt"));
    CHECK(sigv4::string_to_sign(claim->amz_date, claim->scope(), canonical) ==
          vector.file("header-string-to-sign.txt"));
    CHECK(signature_in(message.headers) == vector.file("header-signature.txt"));
  }
}

TEST_CASE("AWS's vectors: signed requests verify, and no longer when any one bit of them is flipped") {
  for (const Vector& vector : all_vectors()) {
    CAPTURE(vector.name);
    Message message = read_request(vector.file("header-signed-request.txt"));
    message.s3_path = vector.message.s3_path;
    message.payload_hash = vector.message.payload_hash;
    const auto claim = sigv4::claim_of(message);
    REQUIRE(claim);
    CHECK_FALSE(claim->presigned);
    CHECK(claim->access_key == vector.credentials.access_key_id);
    CHECK(claim->region == vector.scope.region);
    CHECK(claim->service == vector.scope.service);
    CHECK(claim->security_token == vector.credentials.session_token);
    CHECK(sigv4::verify(message, *claim, vector.credentials.secret_access_key));
    check_each_bit(message, *claim, vector.credentials.secret_access_key, !vector.omit_token);
  }
}

TEST_CASE(
    "AWS's vectors: presigned queries are made, verify, and no longer when any one bit of them is flipped") {
  for (const Vector& vector : all_vectors()) {
    CAPTURE(vector.name);
    const std::string query = sigv4::presign(vector.message, vector.signing_credentials(), vector.scope,
                                             vector.time, vector.expires);
    CHECK(query.substr(query.rfind('=') + 1) == vector.file("query-signature.txt"));
    Message message = read_request(vector.file("query-signed-request.txt"));
    message.s3_path = vector.message.s3_path;
    message.payload_hash = vector.message.payload_hash;
    const auto claim = sigv4::claim_of(message);
    REQUIRE(claim);
    CHECK(claim->presigned);
    CHECK(claim->expires_s == static_cast<int>(vector.expires.count()));
    CHECK(claim->security_token == vector.credentials.session_token);
    CHECK(sigv4::verify(message, *claim, vector.credentials.secret_access_key));
    check_each_bit(message, *claim, vector.credentials.secret_access_key, !vector.omit_token);
    if (vector.omit_token)
      continue;  // its canonical request leaves out the token, which S3 and others include
    CHECK(sigv4::canonical_request(message, sigv4::detail::split_names(claim->signed_headers)) ==
          vector.file("query-canonical-request.txt"));
  }
}

namespace {

const Credentials s3_keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
                          std::nullopt};
const sigv4::Scope s3_scope{"us-east-1", "s3"};
const TimePoint s3_time = parse_amz_date("20130524T000000Z").value();

Message s3_message(std::string method, std::string path, std::string query) {
  Message message;
  message.method = std::move(method);
  message.path = std::move(path);
  message.query = std::move(query);
  message.s3_path = true;
  message.headers = {{"Host", "examplebucket.s3.amazonaws.com"}};
  return message;
}

std::string s3_signature(Message message) {
  sigv4::sign(message, s3_keys, s3_scope, s3_time);
  return signature_in(message.headers);
}

}  // namespace

TEST_CASE("the S3 documentation's examples of signed headers") {
  Message get = s3_message("GET", "/test.txt", "");
  get.headers.add("Range", "bytes=0-9");
  CHECK(s3_signature(get) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

  Message put = s3_message("PUT", "/test%24file.text", "");
  put.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  put.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  put.payload_hash = sha256_hex("Welcome to Amazon S3.");
  CHECK(s3_signature(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

  CHECK(s3_signature(s3_message("GET", "/", "lifecycle")) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(s3_signature(s3_message("GET", "/", "max-keys=2&prefix=J")) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("the S3 documentation's example of a presigned URL") {
  const Message message = s3_message("GET", "/test.txt", "");
  const std::string query = sigv4::presign(message, s3_keys, s3_scope, s3_time, std::chrono::hours(24));
  CHECK(query.ends_with("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
}

TEST_CASE("the S3 documentation's example of a chunked upload") {
  Message put = s3_message("PUT", "/examplebucket/chunkObject.txt", "");
  put.headers = {{"Host", "s3.amazonaws.com"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                 {"Content-Encoding", "aws-chunked"},
                 {"x-amz-decoded-content-length", "66560"},
                 {"Content-Length", "66824"}};
  put.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
  const std::string seed = s3_signature(put);
  CHECK(seed == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  const sigv4::ChunkContext context{
      sigv4::signing_key(s3_keys.secret_access_key, "20130524", "us-east-1", "s3"), "20130524T000000Z",
      s3_scope};
  const std::string first = sigv4::chunk_signature(context, seed, sha256_hex(std::string(65536, 'a')));
  CHECK(first == "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
  const std::string second = sigv4::chunk_signature(context, first, sha256_hex(std::string(1024, 'a')));
  CHECK(second == "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
  CHECK(sigv4::chunk_signature(context, second, sha256_hex("")) ==
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
}

TEST_CASE("the S3 documentation's example of a chunked upload with a trailer") {
  Message put = s3_message("PUT", "/examplebucket/chunkObject.txt", "");
  put.headers = {{"Host", "s3.amazonaws.com"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                 {"Content-Encoding", "aws-chunked"},
                 {"x-amz-decoded-content-length", "66560"},
                 {"x-amz-trailer", "x-amz-checksum-crc32c"}};
  put.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
  const std::string seed = s3_signature(put);
  CHECK(seed == "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  const sigv4::ChunkContext context{
      sigv4::signing_key(s3_keys.secret_access_key, "20130524", "us-east-1", "s3"), "20130524T000000Z",
      s3_scope};
  const std::string first = sigv4::chunk_signature(context, seed, sha256_hex(std::string(65536, 'a')));
  CHECK(first == "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2");
  const std::string second = sigv4::chunk_signature(context, first, sha256_hex(std::string(1024, 'a')));
  CHECK(second == "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7");
  const std::string last = sigv4::chunk_signature(context, second, sha256_hex(""));
  CHECK(last == "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
  CHECK(sigv4::trailer_signature(context, last, "x-amz-checksum-crc32c:sOO8/Q==\n") ==
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
}

TEST_CASE("a session token is signed with everything else") {
  Credentials temporary = s3_keys;
  temporary.session_token = "token/with=characters+";
  Message message = s3_message("GET", "/test.txt", "");
  sigv4::sign(message, temporary, s3_scope, s3_time);
  auto claim = sigv4::claim_of(message);
  REQUIRE(claim);
  CHECK(claim->security_token == temporary.session_token);
  CHECK(sigv4::verify(message, *claim, temporary.secret_access_key));
  message.headers.set("X-Amz-Security-Token", "another");
  CHECK_FALSE(sigv4::verify(message, *claim, temporary.secret_access_key));
}

TEST_CASE("S3 keys of any kind keep their spelling in the signature") {
  for (const char* path :
       {"/b/k%20x/%C3%A9%2B%3F%23%26%3D.txt", "/b//double//slash/", "/b/a/../b", "/b/a%2Fb", "/b/%7Etilde"}) {
    CAPTURE(path);
    Message message = s3_message("GET", path, "");
    sigv4::sign(message, s3_keys, s3_scope, s3_time);
    const auto claim = sigv4::claim_of(message);
    REQUIRE(claim);
    CHECK(sigv4::verify(message, *claim, s3_keys.secret_access_key));
    Message slash = message;
    if (const auto at = slash.path.find("%2F"); at != std::string::npos) {
      slash.path.replace(at, 3, "/");
      CHECK_FALSE(sigv4::verify(slash, *claim, s3_keys.secret_access_key));
    }
  }
}

TEST_CASE("a plus in a query verifies for clients that mean a plus and for those that mean a space") {
  Message plus = s3_message("GET", "/", "prefix=a%2Bb");
  sigv4::sign(plus, s3_keys, s3_scope, s3_time);
  plus.query = "prefix=a+b";
  CHECK(sigv4::verify(plus, *sigv4::claim_of(plus), s3_keys.secret_access_key));
  Message space = s3_message("GET", "/", "prefix=a%20b");
  sigv4::sign(space, s3_keys, s3_scope, s3_time);
  space.query = "prefix=a+b";
  CHECK(sigv4::verify(space, *sigv4::claim_of(space), s3_keys.secret_access_key));
}

TEST_CASE("headers that proxies change are not signed") {
  Message message = s3_message("GET", "/", "");
  for (const char* name : {"User-Agent", "X-Amzn-Trace-Id", "Transfer-Encoding", "Connection", "Expect"}) {
    message.headers.add(name, "anything");
  }
  sigv4::sign(message, s3_keys, s3_scope, s3_time);
  CHECK(sigv4::claim_of(message)->signed_headers == "host;x-amz-content-sha256;x-amz-date");
}

TEST_CASE("a request that carries a signature's parts already is not signed a second time") {
  for (const char* name : {"Authorization", "X-Amz-Date", "x-amz-security-token"}) {
    Message message = s3_message("GET", "/", "");
    message.headers.add(name, "something");
    CHECK_THROWS_AS(sigv4::sign(message, s3_keys, s3_scope, s3_time), std::invalid_argument);
  }
  Message query = s3_message("GET", "/", "X-Amz-Signature=abc");
  CHECK_THROWS_AS(sigv4::sign(query, s3_keys, s3_scope, s3_time), std::invalid_argument);
  Message no_host;
  no_host.method = "GET";
  CHECK_THROWS_AS(sigv4::sign(no_host, s3_keys, s3_scope, s3_time), std::invalid_argument);
}

TEST_CASE(
    "a signature that does not cover the host, or dates itself differently from its scope, is refused") {
  Message message = s3_message("GET", "/", "");
  sigv4::sign(message, s3_keys, s3_scope, s3_time);
  sigv4::Claim claim = *sigv4::claim_of(message);
  claim.signed_headers = "x-amz-content-sha256;x-amz-date";
  CHECK_FALSE(sigv4::verify(message, claim, s3_keys.secret_access_key));
  claim = *sigv4::claim_of(message);
  claim.amz_date = "20130525T000000Z";
  CHECK_FALSE(sigv4::verify(message, claim, s3_keys.secret_access_key));
}

TEST_CASE("requests without a signature make no claim, malformed ones get AWS's words") {
  CHECK_FALSE(sigv4::claim_of(s3_message("GET", "/", "prefix=x")));
  const auto code_of = [](const Message& message) -> std::string {
    try {
      sigv4::claim_of(message);
    } catch (const sigv4::SignatureFormatError& error) {
      return error.code();
    }
    return "";
  };
  Message message = s3_message("GET", "/", "");
  message.headers.add("X-Amz-Date", "20130524T000000Z");
  message.headers.add("Authorization",
                      "AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws4_request, Signature=00");
  CHECK(code_of(message) == "AuthorizationHeaderMalformed");
  message.s3_path = false;
  CHECK(code_of(message) == "IncompleteSignatureException");
  message.headers.set("Authorization",
                      "AWS4-HMAC-SHA256 Credential=short/aws4_request, SignedHeaders=host, Signature=00");
  CHECK(code_of(message) == "IncompleteSignatureException");
  CHECK(code_of(s3_message("GET", "/", "X-Amz-Signature=00")) == "AuthorizationQueryParametersError");
  const std::string rest =
      "&X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Expires=";
  const std::string head = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=";
  CHECK(code_of(s3_message("GET", "/", head + "a" + rest + "60")) == "AuthorizationQueryParametersError");
  const std::string good = head + "a%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" + rest;
  CHECK(code_of(s3_message("GET", "/", good + "soon")) == "AuthorizationQueryParametersError");
  CHECK(sigv4::claim_of(s3_message("GET", "/", good + "604801"))->expires_s == 604801);
  CHECK(sigv4::claim_of(s3_message("GET", "/", good + "-1"))->expires_s == -1);
}
