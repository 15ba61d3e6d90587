#include "emulator/store/version_ids.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <openssl/rand.h>

namespace sagemaker::local::store {
namespace {

constexpr std::size_t id_length = 32;
constexpr std::size_t number_length = 11;  // 64 bits, six of them a character
constexpr unsigned bits_each = 6;

// In byte order, so that ids sort as their numbers.
constexpr std::string_view alphabet = ".0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
static_assert(alphabet.size() == 1u << bits_each);

}  // namespace

std::string new_version_id(std::int64_t sequence) {
  std::string id(id_length, alphabet.front());
  std::uint64_t number = ~static_cast<std::uint64_t>(sequence);
  for (std::size_t i = number_length; i-- > 0; number >>= bits_each)
    id[i] = alphabet[number % alphabet.size()];
  std::array<unsigned char, id_length - number_length> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random numbers");
  }
  std::transform(random.begin(), random.end(), id.begin() + number_length,
                 [](unsigned char byte) { return alphabet[byte % alphabet.size()]; });
  return id;
}

std::optional<std::int64_t> sequence_of(std::string_view version_id) {
  if (version_id.size() != id_length) return std::nullopt;
  if (version_id.find_first_not_of(alphabet) != std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : version_id.substr(0, number_length)) {
    number = number << bits_each | static_cast<std::uint64_t>(alphabet.find(c));
  }
  return static_cast<std::int64_t>(~number);
}

}  // namespace sagemaker::local::store
