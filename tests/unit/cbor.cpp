// CBOR against botocore's vectors of the protocol, and against bytes that mean harm.
#include "emulator/wire/cbor.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/wire/query_compatible.hpp"
#include "tests/support/support.hpp"

using sagemaker::json;
using sagemaker::local::ServiceFault;
using sagemaker::local::wire::CborError;
using sagemaker::local::wire::decode_cbor;
using sagemaker::local::wire::encode_cbor;

namespace {

std::string bytes_of(std::string_view hexadecimal) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16));
  return bytes;
}
json decoded(std::string_view hexadecimal) { return decode_cbor(bytes_of(hexadecimal), 16); }
std::string hex_of(const json& document) {
  std::string text;
  for (const char c : encode_cbor(document, sagemaker::local::wire::is_time_member)) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// Whether a decoded document holds what a vector says: blobs are plain text there and base64 here, and JSON
// has no word for NaN.
bool holds(const json& expected, const json& actual) {
  if (expected.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      const auto found = actual.find(name);
      if (found == actual.end() ? !value.is_null() : !holds(value, *found)) return false;
    }
    return actual.is_object();
  }
  if (expected.is_array()) {
    if (!actual.is_array() || expected.size() != actual.size()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (!holds(expected[i], actual[i])) return false;
    return true;
  }
  if (expected.is_string() && actual.is_number()) {
    const double value = actual.get<double>();
    return expected == "NaN" ? std::isnan(value)
                             : std::isinf(value) && (expected == "-Infinity") == (value < 0);
  }
  if (expected.is_string() && actual.is_string())
    return expected == actual || sagemaker::aws::base64_encode(expected.get<std::string>()) == actual;
  if (expected.is_number_float()) return std::abs(expected.get<double>() - actual.get<double>()) < 1e-6;
  return expected == actual;
}

int check_vectors(const std::string& file) {
  const auto path = sagemaker::tests::data_file("aws/botocore-models/tests/unit/protocols/" + file);
  if (!path) return 0;
  std::ifstream stream(*path);
  const json suites = json::parse(std::string(std::istreambuf_iterator<char>(stream), {}));
  int count = 0;
  for (const json& suite : suites) {
    for (const json& test : suite.at("cases")) {
      const bool input = test.contains("params");
      const auto body = sagemaker::aws::base64_decode(
          test.at(input ? "serialized" : "response").at("body").get<std::string>());
      if (!body || body->empty()) continue;
      const std::string id = test.at("id").get<std::string>();
      CAPTURE(id);
      const json document = decode_cbor(*body, 128);
      CHECK(holds(test.at(input ? "params" : test.contains("error") ? "error" : "result"), document));
      // What we write says the same.
      const std::string written = encode_cbor(document, sagemaker::local::wire::is_time_member);
      CHECK(encode_cbor(decode_cbor(written, 128), sagemaker::local::wire::is_time_member) == written);
      ++count;
    }
  }
  return count;
}

}  // namespace

TEST_CASE("botocore's vectors of rpc-v2-cbor") {
  int count = check_vectors("input/smithy-rpc-v2-cbor.json");
  if (count == 0) return sagemaker::tests::skip("the protocol vectors are not here");
  count += check_vectors("output/smithy-rpc-v2-cbor.json");
  count += check_vectors("output/smithy-rpc-v2-cbor-query-compatible.json");
  CHECK(count > 40);
}

TEST_CASE("numbers, texts and times are read as RFC 8949 writes them") {
  CHECK(decoded("00") == 0);
  CHECK(decoded("1818") == 24);
  CHECK(decoded("1bffffffffffffffff") == 18446744073709551615ull);
  CHECK(decoded("20") == -1);
  CHECK(decoded("3863") == -100);
  CHECK(decoded("3bffffffffffffffff") == -18446744073709551616.0);
  CHECK(decoded("f93e00") == 1.5);
  CHECK(decoded("f90001") == 5.960464477539063e-8);
  CHECK(decoded("f97bff") == 65504.0);
  CHECK(decoded("fac7000000") == -32768.0);
  CHECK(decoded("fb3ff199999999999a") == 1.1);
  CHECK(std::isinf(decoded("f97c00").get<double>()));
  CHECK(decoded("f6").is_null());
  CHECK(decoded("f7").is_null());
  CHECK(decoded("62c3bc") == "\xC3\xBC");
  CHECK(decoded("7f657374726561646d696e67ff") == "streaming");
  CHECK(decoded("4401020304") == "AQIDBA==");
  CHECK(decoded("c11a514b67b0") == 1363896240);
  CHECK(decoded("c1fb41d452d9ec200000") == 1363896240.5);
  CHECK(decoded("9f018202039f0405ffff") == json{1, {2, 3}, {4, 5}});
  CHECK(decoded("bf61610161629f0203ffff") == json{{"a", 1}, {"b", {2, 3}}});
}

TEST_CASE("documents are written in the shortest form, times with their tag") {
  CHECK(hex_of({{"Timestamp", 1363896240}}) == "a16954696d657374616d70c11a514b67b0");
  CHECK(hex_of({{"Timestamps", {1, 2.5}}}) == "a16a54696d657374616d707382c101c1fb4004000000000000");
  CHECK(hex_of({{"a", {true, false, nullptr, -1, 24, 256, 65'536, 4'294'967'296}}}) ==
        "a1616188f5f4f6201818190100"
        "1a000100001b0000000100000000");
  CHECK(hex_of(json(std::string("\xFF"))) == "63efbfbd");  // no UTF-8: the replacement character
}

TEST_CASE("bytes that are no CBOR are refused where they go wrong") {
  for (const char* bytes :
       {"",   "18",   "1b0000", "61", "62c3",   "6261ff", "7f6161", "7f4161ff", "7f7fffff",
        "81", "8201", "9f01",   "a1", "a16161", "a10101", "bf6161", "c1",       "c16161",
        "1c", "1f",   "3f",     "df", "f8",     "f800",   "ff",     "0000",     "61ff"}) {
    CAPTURE(bytes);
    CHECK_THROWS_AS(decoded(bytes), CborError);
  }
}

TEST_CASE("announced lengths cost nothing, and depth is bounded") {
  for (const char* bytes : {"9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff",
                            "7bffffffffffffffff", "9b00000000ffffffff00"}) {
    CAPTURE(bytes);
    CHECK_THROWS_AS(decoded(bytes), CborError);
  }
  for (const char c : {'\x81', '\x9f', '\xc1', '\xd8'})
    CHECK_THROWS_AS(decode_cbor(std::string(1'000'000, c), 128), CborError);
  CHECK_THROWS_AS(decoded("81818181818181818181818181818181"
                          "00"),
                  CborError);  // 17 levels, 16 are allowed
  CHECK_NOTHROW(
      decoded("818181818181818181818181818181"
              "00"));
}

TEST_CASE("no bytes make the decoder do anything but answer") {
  std::uint32_t state = 12345;
  const auto next = [&] { return state = state * 1664525u + 1013904223u, state >> 24; };
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(next() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(next());
    try {
      const json document = decode_cbor(bytes, 32);
      CHECK_NOTHROW(static_cast<void>(encode_cbor(document, sagemaker::local::wire::is_time_member)));
    } catch (const CborError& error) {
      CHECK(error.offset() <= bytes.size());
    }
  }
}

TEST_CASE("an error has the name of its shape, and its old code beside it") {
  const ServiceFault fault("InvalidParameterValue", 400, "no");
  CHECK(sagemaker::local::wire::query_compatible_error(fault) ==
        json{{"__type", "InvalidParameterValueException"}, {"message", "no"}});
  CHECK(sagemaker::local::wire::query_error_header(fault) == "InvalidParameterValue;Sender");
  CHECK(sagemaker::local::wire::query_error_header(ServiceFault("InternalFailure", 500, "")) ==
        "InternalFailure;Receiver");
}
