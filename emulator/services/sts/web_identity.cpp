// See web_identity.hpp.
#include "emulator/services/sts/web_identity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/json.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr int depth_max = 32;

[[noreturn]] void invalid_token(const std::string& message) {
  throw ServiceFault("InvalidIdentityToken", 400, message);
}

[[noreturn]] void not_a_token() {
  invalid_token(
      "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
}

// base64url without padding (RFC 7515).
std::optional<std::string> base64url_decode(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '-', '+');
  std::replace(plain.begin(), plain.end(), '_', '/');
  plain.append((4 - plain.size() % 4) % 4, '=');
  return aws::base64_decode(plain);
}

json object_in(std::string_view part) {
  const auto text = base64url_decode(part);
  if (!text) not_a_token();
  json object;
  try {
    object = aws::parse_json(*text, depth_max);
  } catch (const aws::JsonError&) {
    not_a_token();
  }
  if (!object.is_object()) not_a_token();
  return object;
}

std::string required_claim(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    invalid_token(std::string("Missing a required claim: ") + name);
  return *found;
}

std::string audience_of(const json& claims) {
  const auto found = claims.find("aud");
  if (found != claims.end() && found->is_array() && !found->empty() && found->front().is_string())
    return found->front();
  return required_claim(claims, "aud");
}

// NumericDate of RFC 7519: seconds, perhaps with a fraction.
std::int64_t required_time(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number())
    invalid_token(std::string("Missing a required claim: ") + name);
  const double seconds = found->get<double>();
  if (!(std::abs(seconds) < 1e15)) invalid_token(std::string("Invalid claim: ") + name);
  return static_cast<std::int64_t>(std::floor(seconds));
}

}  // namespace

WebIdentity read_web_identity(std::string_view token, aws::TimePoint now) {
  std::array<std::string_view, 3> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t dot = token.find('.');
    if ((dot == std::string_view::npos) != (i == 2)) not_a_token();
    parts[i] = token.substr(0, dot);
    if (parts[i].empty()) not_a_token();
    if (i < 2) token.remove_prefix(dot + 1);
  }
  const json header = object_in(parts[0]);
  if (!header.contains("alg") || !header["alg"].is_string() || header["alg"] == "none") not_a_token();
  if (!base64url_decode(parts[2])) not_a_token();
  const json claims = object_in(parts[1]);
  const WebIdentity identity{required_claim(claims, "iss"), required_claim(claims, "sub"),
                             audience_of(claims)};
  const std::int64_t expires = required_time(claims, "exp");
  const std::int64_t current = aws::to_epoch_ms(now) / 1000;
  if (current >= expires)
    throw ServiceFault("ExpiredTokenException", 400,
                       "Token expired: current date/time " + std::to_string(current) +
                           " must be before the expiration date/time " + std::to_string(expires));
  return identity;
}

}  // namespace sagemaker::local::services
