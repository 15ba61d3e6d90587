// AssumeRoleWithWebIdentity: the token's form, claims and expiry.
#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/crypto.hpp>

#include "tests/unit/identity_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::Identities;

namespace {

constexpr int now_s = 1'700'000'000;  // of the fixture's clock

std::string base64url(const std::string& text) {
  std::string encoded = sagemaker::aws::base64_encode(text);
  std::replace(encoded.begin(), encoded.end(), '+', '-');
  std::replace(encoded.begin(), encoded.end(), '/', '_');
  encoded.erase(std::find(encoded.begin(), encoded.end(), '='), encoded.end());
  return encoded;
}

std::string token_of(const json& claims, const json& header = {{"alg", "RS256"}, {"kid", "1"}}) {
  return base64url(header.dump()) + "." + base64url(claims.dump()) + "." + base64url("signature");
}

const json claims = {{"iss", "https://oidc.example.com/id/1"},
                     {"sub", "system:serviceaccount:default:trainer"},
                     {"aud", {"sts.amazonaws.com", "other"}},
                     {"exp", now_s + 60}};

json request(const std::string& token) {
  return {{"RoleArn", "arn:aws:iam::123456789012:role/Trainer"},
          {"RoleSessionName", "pod-1"},
          {"WebIdentityToken", token}};
}

}  // namespace

TEST_CASE("an ID token becomes a session of the role") {
  Identities sts;
  const json output = sts.call("AssumeRoleWithWebIdentity", request(token_of(claims)), "");
  CHECK(output.at("SubjectFromWebIdentityToken") == "system:serviceaccount:default:trainer");
  CHECK(output.at("Provider") == "https://oidc.example.com/id/1");
  CHECK(output.at("Audience") == "sts.amazonaws.com");
  CHECK(output.at("AssumedRoleUser").at("Arn") == "arn:aws:sts::123456789012:assumed-role/Trainer/pod-1");
  CHECK(sts.call("GetCallerIdentity", json::object(), output.at("Credentials").at("AccessKeyId")).at("Arn") ==
        output.at("AssumedRoleUser").at("Arn"));
}

TEST_CASE("an expired token is told so with both times") {
  Identities sts;
  json expired = claims;
  expired["exp"] = now_s;
  CHECK(
      sts.fault("AssumeRoleWithWebIdentity", request(token_of(expired))) ==
      "ExpiredTokenException 400: Token expired: current date/time 1700000000 must be before the expiration "
      "date/time 1700000000");
  const json good = request(token_of(claims));
  sts.clock->sleep_for(std::chrono::seconds(59));
  CHECK(sts.fault("AssumeRoleWithWebIdentity", good) == "");
  sts.clock->sleep_for(std::chrono::seconds(1));
  CHECK(sts.fault("AssumeRoleWithWebIdentity", good).starts_with("ExpiredTokenException 400: "));
}

TEST_CASE("what is no ID token is refused") {
  Identities sts;
  const std::string not_a_token =
      "InvalidIdentityToken 400: The ID Token provided is not a valid JWT. (You may see this error if you "
      "sent an "
      "Access Token)";
  const std::string good = token_of(claims);
  for (const std::string& token :
       {std::string("opaque-access-token"), std::string("aaa.b"), std::string("...."), good + ".more",
        "!" + good, base64url("[]") + good.substr(good.find('.')), token_of(claims, {{"alg", "none"}}),
        token_of(claims, {{"kid", "1"}}), good.substr(0, good.rfind('.') + 1)})
    CHECK(sts.fault("AssumeRoleWithWebIdentity", request(token)) == not_a_token);
  for (const char* claim : {"iss", "sub", "aud", "exp"}) {
    json incomplete = claims;
    incomplete.erase(claim);
    CHECK(sts.fault("AssumeRoleWithWebIdentity", request(token_of(incomplete))) ==
          "InvalidIdentityToken 400: Missing a required claim: " + std::string(claim));
  }
  json odd = claims;
  odd["exp"] = 1e300;
  CHECK(sts.fault("AssumeRoleWithWebIdentity", request(token_of(odd))) ==
        "InvalidIdentityToken 400: Invalid claim: exp");
}

TEST_CASE("the token itself never comes back in an error") {
  Identities sts;
  const std::string secret = "secret-token-text";
  json input = request(std::string(20'001, 'x') + secret);
  const std::string fault = sts.fault("AssumeRoleWithWebIdentity", input);
  CHECK(fault.starts_with("ValidationError 400: "));
  CHECK(fault.find(secret) == std::string::npos);
}

TEST_CASE("access tokens of OAuth providers are not implemented, and say so") {
  Identities sts;
  json input = request("opaque");
  input["ProviderId"] = "www.amazon.com";
  CHECK(sts.fault("AssumeRoleWithWebIdentity", input).starts_with("NotImplemented 501: "));
}
