// JSON, headers, hashes, URLs and times: what everything else relies on.
#include <limits>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

using namespace sagemaker;
using namespace sagemaker::aws;

TEST_CASE("JSON nested as deeply as allowed parses, one level more is refused") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(dump_json(parse_json(nested(128))) == nested(128));
  CHECK_THROWS_AS(parse_json(nested(129)), JsonError);
  CHECK_THROWS_AS(parse_json(std::string(1'000'000, '[')), JsonError);
  CHECK_THROWS_AS(parse_json(std::string(1'000'000, '{')), JsonError);
  CHECK(parse_json(nested(5), 5).is_array());
  CHECK_THROWS_AS(parse_json(nested(6), 5), JsonError);
  // Brackets in strings are no nesting, escaped quotes do not end a string.
  CHECK(parse_json("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"").is_string());
}

TEST_CASE("a JSON error says where it is") {
  try {
    parse_json("{\"a\": 1, \"b\": }");
    FAIL("no error");
  } catch (const JsonError& error) {
    CHECK(error.offset() == 14);
    CHECK(std::string(error.what()).starts_with("invalid JSON: "));
  }
  for (const char* text : {"", "{", "[1,]", "nul", "1e999", "\"\xff\"", "{} x", "\"\\ud800\""}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_json(text), JsonError);
  }
}

TEST_CASE("a NUL byte does not end a JSON text: what follows is never ignored") {
  const std::string nul(1, '\0');
  for (const std::string& text : {"{}" + nul + "{\"a\": 1}", "{}" + nul, nul + "{}", "[1," + nul + "2]",
                                  "1" + nul, "\"a" + nul + "b\"", "{\"a\": 1" + nul + "}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_json(text), JsonError);
  }
  CHECK(parse_json("\"\\u0000\"") == json(nul));
}

TEST_CASE("dumping bytes that are not UTF-8 replaces them") {
  CHECK(dump_json(json{{"line",
                        "a\xff"
                        "b"}}) ==
        "{\"line\":\"a\xef\xbf\xbd"
        "b\"}");
}

TEST_CASE("headers keep their order and compare without case") {
  Headers headers{{"Host", "a"}, {"X-One", "1"}};
  headers.add("x-one", "2");
  CHECK(headers.get("X-ONE") == "1");
  CHECK(headers.count("x-One") == 2);
  CHECK(headers.size() == 3);
  headers.set("x-oNe", "3");
  CHECK(headers.count("x-one") == 1);
  CHECK(headers.begin()[1].name == "X-One");
  CHECK(headers.get("x-one") == "3");
  headers.set("New", "n");
  CHECK(headers.get("new") == "n");
  headers.erase("HOST");
  CHECK_FALSE(headers.contains("host"));
  CHECK(headers.find("host") == nullptr);
  CHECK(headers.get("host", "fallback") == "fallback");
}

TEST_CASE("hashes and codes give their published values") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // RFC 4231, test case 2; and an empty key.
  CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha256("", "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  Sha256 sha;
  sha.update("a");
  sha.update("");
  sha.update("bc");
  CHECK(to_hex(sha.finish()) == sha256_hex("abc"));
  CHECK_THROWS(sha.update("x"));
  CHECK_THROWS(sha.finish());
  Md5 md5;
  md5.update("message digest");
  CHECK(to_hex(md5.finish()) == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(crc32("123456789") == 0xcbf43926u);
  CHECK(crc32("6789", crc32("12345")) == 0xcbf43926u);
  CHECK(crc32("", 7) == 7);
  // What boto3 was seen to send for this body.
  CHECK(crc32_base64(crc32("hellohellohello")) == "PiG0Cw==");
}

TEST_CASE("base64 follows RFC 4648, and decoding is strict") {
  const std::pair<const char*, const char*> pairs[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : pairs) {
    CHECK(base64_encode(plain) == encoded);
    CHECK(base64_decode(encoded) == plain);
  }
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "=Zm9", "Z=m9", "Zg==Zg==", "Zm-_"}) {
    CAPTURE(bad);
    CHECK_FALSE(base64_decode(bad));
  }
}

TEST_CASE("equal texts are equal, all others are not") {
  CHECK(constant_time_equal("", ""));
  CHECK(constant_time_equal("abc", "abc"));
  CHECK_FALSE(constant_time_equal("abc", "abd"));
  CHECK_FALSE(constant_time_equal("abc", "abcd"));
}

TEST_CASE("UUIDs are of version 4 and differ") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = uuid4();
    REQUIRE(id.size() == 36);
    CHECK((id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-'));
    CHECK(id[14] == '4');
    CHECK(std::string("89ab").find(id[19]) != std::string::npos);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("percent encoding keeps the unreserved characters only") {
  CHECK(uri_encode("AZaz09-._~") == "AZaz09-._~");
  CHECK(uri_encode("a b/c+\xc3\xa9*") == "a%20b%2Fc%2B%C3%A9%2A");
  CHECK(uri_encode("a/b c", true) == "a/b%20c");
  CHECK(uri_decode("a%20b%2fc+") == "a b/c+");
  CHECK(uri_decode("a+b", true) == "a b");
  for (const char* bad : {"%", "%4", "a%zz", "%4g", "100%"}) CHECK_FALSE(uri_decode(bad));
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(uri_decode(uri_encode(all)) == all);
}

TEST_CASE("query strings come apart in order") {
  const auto fields = parse_query("b=2&a=1+x&&flag&a=%2f&=v&bad=%zz");
  REQUIRE(fields.size() == 6);
  CHECK(fields[0] == std::pair<std::string, std::string>("b", "2"));
  CHECK(fields[1] == std::pair<std::string, std::string>("a", "1 x"));
  CHECK(fields[2] == std::pair<std::string, std::string>("flag", ""));
  CHECK(fields[3] == std::pair<std::string, std::string>("a", "/"));
  CHECK(fields[4] == std::pair<std::string, std::string>("", "v"));
  CHECK(fields[5] == std::pair<std::string, std::string>("bad", "%zz"));
  CHECK(parse_query("").empty());
}

TEST_CASE("URLs come apart and go together again") {
  const Uri uri = parse_uri("HTTP://Example.COM:4566/a%20b?x=1#part");
  CHECK(uri.scheme == "http");
  CHECK(uri.host == "example.com");
  CHECK(uri.port == 4566);
  CHECK(uri.path == "/a%20b");
  CHECK(uri.query == "x=1");
  CHECK(uri.origin() == "http://example.com:4566");
  CHECK(parse_uri("https://h").port == 443);
  CHECK(parse_uri("https://h:443/").origin() == "https://h");
  CHECK(parse_uri("http://h:443").origin() == "http://h:443");
  CHECK(parse_uri("http://[::1]:80/x").host == "::1");
  CHECK(parse_uri("http://[::1]:81/x").origin() == "http://[::1]:81");
  const Uri s3 = parse_uri("s3://Bucket/some/key?with#marks");
  CHECK(s3.host == "Bucket");
  CHECK(s3.path == "/some/key?with#marks");
  CHECK(s3.port == 0);
  for (const char* bad :
       {"", "localhost:4566", "://x", "http://", "http:///path", "http://h:0", "http://h:65536",
        "http://h:80x", "http://h h/", "http://h\r\nX: y", "http://[::1", "http://[::1]x",
        "http://user:pw@h/", "http://[[]/", "http://[h]/", "http://[[::1]/"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_uri(bad), std::invalid_argument);
  }
}

TEST_CASE("times in all formats of AWS") {
  const TimePoint time = from_epoch_ms(1369353600123);
  CHECK(format_amz_date(time) == "20130524T000000Z");
  CHECK(format_iso8601(time) == "2013-05-24T00:00:00.123Z");
  CHECK(format_http_date(time) == "Fri, 24 May 2013 00:00:00 GMT");
  CHECK(to_epoch_ms(time) == 1369353600123);
  CHECK(to_epoch_seconds(time) == doctest::Approx(1369353600.123));
  CHECK(to_epoch_ms(from_epoch_seconds(1369353600.123)) == 1369353600123);
  CHECK(parse_amz_date("20130524T000000Z") == from_epoch_ms(1369353600000));
  CHECK(parse_iso8601("2013-05-24T00:00:00.123Z") == time);
  CHECK(parse_iso8601("2013-05-24T02:00:00.123+02:00") == time);
  CHECK(parse_iso8601("2013-05-23 19:00:00.1234567-0500") == time);
  CHECK(parse_iso8601("2013-05-24") == from_epoch_ms(1369353600000));
  CHECK(parse_http_date("Fri, 24 May 2013 00:00:00 GMT") == from_epoch_ms(1369353600000));
  CHECK(format_iso8601(from_epoch_ms(-1)) == "1969-12-31T23:59:59.999Z");
  CHECK(format_iso8601(parse_iso8601("2024-02-29T12:00:00Z").value()) == "2024-02-29T12:00:00.000Z");
}

TEST_CASE("times that no clock reaches stay far away and in order") {
  const TimePoint last = from_epoch_ms(std::numeric_limits<std::int64_t>::max());
  const TimePoint first = from_epoch_ms(std::numeric_limits<std::int64_t>::min());
  CHECK(format_iso8601(last).substr(0, 4) == "2262");
  CHECK(format_iso8601(first).substr(0, 4) == "1677");
  CHECK(parse_amz_date("40480202T000000Z") == last);
  CHECK(parse_amz_date("00010101T000000Z") == first);
  CHECK(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT") == last);
  CHECK(parse_iso8601("9999-12-31T23:59:59-23:59").value() >= last);
  CHECK(from_epoch_seconds(1e300) == last);
  CHECK(from_epoch_seconds(-1e300) == first);
}

TEST_CASE("texts that are no times are refused") {
  for (const char* bad : {"", "20130524T000000", "2013-05-24T000000Z", "20130532T000000Z", "20130524T240000Z",
                          "20130524T000000Zx", "+0130524T000000Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_amz_date(bad));
  }
  for (const char* bad : {"", "2013-5-24", "2023-02-29", "2013-05-24T", "2013-05-24T00:00:00.Z",
                          "2013-05-24T00:00:00Zjunk", "2013-05-24T00:00:00+99:00"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_iso8601(bad));
  }
  for (const char* bad :
       {"", "Fri, 24 Mai 2013 00:00:00 GMT", "24 May 2013 00:00:00 GMT", "Fri, 24 May 2013 00:00:00 CET"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_http_date(bad));
  }
}
