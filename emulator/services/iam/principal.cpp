// See principal.hpp.
#include "emulator/services/iam/principal.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>

#include <openssl/rand.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t identifier_characters = 17;  // behind AROA, AIDA

struct Arn {
  std::array<std::string, 5> parts;  // arn, partition, service, region, account
  std::string resource;
  bool complete = false;
};

Arn split_arn(std::string_view text) {
  Arn arn;
  for (std::string& part : arn.parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return arn;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  arn.resource = text;
  arn.complete = true;
  return arn;
}

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_global_arn(const Arn& arn, std::string_view service) {
  return arn.complete && arn.parts[0] == "arn" && arn.parts[1].starts_with("aws") &&
         arn.parts[2] == service && arn.parts[3].empty() && is_account(arn.parts[4]);
}

std::string last_segment(const std::string& resource) { return resource.substr(resource.rfind('/') + 1); }

}  // namespace

std::string Principal::account() const { return split_arn(arn).parts[4]; }
bool Principal::is_root() const { return split_arn(arn).resource == "root"; }
bool Principal::is_user() const { return split_arn(arn).resource.starts_with("user/"); }
bool Principal::is_assumed_role() const { return split_arn(arn).resource.starts_with("assumed-role/"); }
std::string Principal::user_name() const { return last_segment(split_arn(arn).resource); }

Principal principal_of_arn(const std::string& text) {
  const Arn arn = split_arn(text);
  const std::string& account = arn.parts[4];
  const std::string& resource = arn.resource;
  const std::string name = last_segment(resource);
  if (is_global_arn(arn, "iam")) {
    if (resource == "root") return {text, account};
    if (resource.starts_with("user/") && !name.empty()) return {text, stable_identifier("AIDA", text)};
  }
  if (is_global_arn(arn, "sts") && !name.empty()) {
    constexpr std::string_view assumed = "assumed-role/";
    if (resource.starts_with(assumed)) {
      const std::string role =
          resource.substr(assumed.size(), resource.size() - assumed.size() - name.size() - 1);
      const std::string role_arn = "arn:" + arn.parts[1] + ":iam::" + account + ":role/" + role;
      if (!role.empty()) return {text, stable_identifier("AROA", role_arn) + ":" + name};
    }
    if (resource.starts_with("federated-user/")) return {text, account + ":" + name};
  }
  throw std::invalid_argument(
      text +
      " names no user: expected arn:aws:iam::ACCOUNT:user/NAME, arn:aws:iam::ACCOUNT:root, "
      "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION or arn:aws:sts::ACCOUNT:federated-user/NAME");
}

RoleArn parse_role_arn(const std::string& text) {
  const Arn arn = split_arn(text);
  constexpr std::string_view kind = "role/";
  const std::string name = last_segment(arn.resource);
  if (!is_global_arn(arn, "iam") || !arn.resource.starts_with(kind) || name.empty())
    throw ServiceFault("ValidationError", 400, text + " is invalid");
  const std::string path =
      arn.resource.substr(kind.size() - 1, arn.resource.size() - name.size() - kind.size() + 1);
  return {arn.parts[1], arn.parts[4], path, name};
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error("OpenSSL has no random bytes");
  return bytes;
}

std::string random_identifier(std::string_view prefix, std::size_t count) {
  std::string text(prefix);
  for (const char byte : random_bytes(count))
    text += alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
  return text;
}

std::string stable_identifier(std::string_view prefix, std::string_view seed) {
  const std::string digits = aws::sha256_hex(seed);
  std::string text(prefix);
  for (std::size_t i = 0; i < identifier_characters; ++i)
    text +=
        alphabet[static_cast<std::size_t>(std::stoi(digits.substr(2 * i, 2), nullptr, 16)) % alphabet.size()];
  return text;
}

// 80 bits in base 32. The first 48 of them are: one that is set, 40 of the account, seven of the rest.
std::string random_access_key(std::string_view prefix, std::string_view account) {
  const std::string random = random_bytes(5);
  const auto byte = [&](std::size_t i) { return std::uint64_t(static_cast<unsigned char>(random[i])); };
  const std::uint64_t number = is_account(account) ? std::stoull(std::string(account)) : 0;
  const std::uint64_t high = (std::uint64_t{1} << 47) | (number << 7) | (byte(0) & 0x7f);
  const std::uint64_t low = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  std::string text(prefix);
  // 16 characters of 5 bits: from bit 79 down, where bits 79..32 are `high`.
  for (int bit = 75; bit >= 0; bit -= 5) {
    std::uint64_t five = bit >= 32 ? high >> (bit - 32) : low >> bit;
    if (bit < 32 && bit + 5 > 32) five |= high << (32 - bit);
    text += alphabet[five & 31];
  }
  return text;
}

std::string account_of_access_key(std::string_view access_key) {
  if (access_key.size() != 20 || !(access_key.starts_with("AKIA") || access_key.starts_with("ASIA")))
    return "";
  std::uint64_t high = 0;  // the first 50 bits; two of them belong to the rest
  for (const char c : access_key.substr(4, 10)) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return "";
    high = high << 5 | value;
  }
  const std::uint64_t number = (high >> 2 & 0x7fffffffff80) >> 7;
  std::string digits = std::to_string(number);
  if (digits.size() > 12) return "";
  return std::string(12 - digits.size(), '0') + digits;
}

}  // namespace sagemaker::local::services
