// The framing of event streams: bytes that other implementations produce and accept, pieces of any size, and
// bytes that are no message.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/event_stream.hpp>

using namespace sagemaker;
using namespace sagemaker::aws::event_stream;

namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t index = 0; index + 1 < hex.size(); index += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(index, 2)), nullptr, 16));
  return bytes;
}

Message decoded(const std::string& bytes) {
  Decoder decoder;
  decoder.feed(bytes);
  auto message = decoder.next();
  REQUIRE(message);
  CHECK(decoder.empty());
  return *message;
}

Message all_types() {
  Uuid uuid;
  for (unsigned char index = 0; index < 16; ++index)
    uuid.bytes[index] = static_cast<unsigned char>(index * 16);
  return {{{"true", true},
           {"false", false},
           {"byte", std::int8_t{-1}},
           {"short", std::int16_t{-2}},
           {"int", std::int32_t{40972}},
           {"long", std::int64_t{-5'000'000'000}},
           {"bytes", Bytes{std::string("\0\xff", 2)}},
           {"text", std::string("application/json")},
           {"time", Timestamp{1'763'700'000'123}},
           {"uuid", uuid}},
          "{'foo':'bar'}"};
}

}  // namespace

TEST_CASE("the smallest messages have the bytes that the format demands") {
  // Checksums from zlib.crc32.
  CHECK(encode({}) == from_hex("000000100000000005c248eb7d98c8ff"));
  CHECK(encode({{}, "{'foo':'bar'}"}) ==
        from_hex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936"));
  CHECK(encode({{{"content-type", std::string("application/json")}}, "{'foo':'bar'}"}) ==
        from_hex("0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c6963617469"
                 "6f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1"));
}

TEST_CASE("a message comes back as it went, with headers of every type") {
  const Message message = all_types();
  CHECK(decoded(encode(message)) == message);
  CHECK(decoded(encode({})) == Message{});
  CHECK(message.text("text") == "application/json");
  CHECK(message.text("int").empty());
  CHECK(message.text("absent").empty());
  CHECK(std::get<std::int32_t>(*message.find("int")) == 40972);
}

TEST_CASE("events and exceptions carry the headers by which services name them") {
  const Message part = event({"PayloadPart", "abc"});
  CHECK(part.text(":message-type") == "event");
  CHECK(part.text(":event-type") == "PayloadPart");
  CHECK(part.text(":content-type") == "application/octet-stream");
  CHECK(part.payload == "abc");
  const Message error = exception({"ModelStreamError", "{}", "application/json"});
  CHECK(error.text(":message-type") == "exception");
  CHECK(error.text(":exception-type") == "ModelStreamError");
  CHECK(error.text(":content-type") == "application/json");
}

TEST_CASE("messages come out of pieces of any size, in order") {
  std::string stream;
  std::vector<Message> sent;
  for (int number = 0; number < 20; ++number) {
    sent.push_back(
        event({"PayloadPart", std::string(static_cast<std::size_t>(number) * 7, static_cast<char>(number))}));
    stream += encode(sent.back());
  }
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{64}, stream.size()}) {
    Decoder decoder;
    std::vector<Message> received;
    for (std::size_t offset = 0; offset < stream.size(); offset += size) {
      decoder.feed(std::string_view(stream).substr(offset, size));
      while (auto message = decoder.next()) received.push_back(std::move(*message));
    }
    CHECK(received == sent);
    CHECK(decoder.empty());
  }
}

TEST_CASE("an unfinished message is waited for") {
  const std::string bytes = encode(all_types());
  Decoder decoder;
  CHECK(decoder.empty());
  decoder.feed(std::string_view(bytes).substr(0, bytes.size() - 1));
  CHECK_FALSE(decoder.next());
  CHECK_FALSE(decoder.empty());
  decoder.feed(std::string_view(bytes).substr(bytes.size() - 1));
  CHECK(decoder.next() == all_types());
}

TEST_CASE("no single bit can change unnoticed") {
  const std::string bytes = encode(all_types());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    Decoder decoder;
    decoder.feed(changed);
    CHECK_THROWS_AS(decoder.next(), FormatError);
    CHECK_THROWS_AS(decoder.next(), FormatError);
  }
}

TEST_CASE("what is no message is refused, even where its checks are right") {
  using sagemaker::aws::crc32;
  const auto with_checks = [](std::uint32_t size, std::uint32_t header_size, const std::string& rest) {
    std::string bytes;
    detail::put(bytes, size, 4);
    detail::put(bytes, header_size, 4);
    detail::put(bytes, crc32(bytes), 4);
    bytes += rest;
    detail::put(bytes, crc32(bytes), 4);
    return bytes;
  };
  const auto refused = [](const std::string& bytes) {
    Decoder decoder;
    decoder.feed(bytes);
    CHECK_THROWS_AS(decoder.next(), FormatError);
  };
  refused(with_checks(15, 0, ""));          // shorter than its own frame
  refused(with_checks(16, 1, ""));          // headers longer than all
  refused(with_checks(0xffffffff, 0, ""));  // 4 GiB: said at once, nothing is waited for
  refused(with_checks(16 + (128 << 10) + 1, (128 << 10) + 1, ""));
  refused(with_checks(17, 1, "\x05"));                  // a name that is cut off
  refused(with_checks(18, 2, std::string("\0\0", 2)));  // no name
  refused(with_checks(19, 3,
                      "\x01"
                      "a\x0a"));  // an unknown type
  refused(with_checks(20, 4,
                      std::string("\x01"
                                  "a\x04\0",
                                  4)));  // half a number
  refused(with_checks(21, 5,
                      std::string("\x01"
                                  "a\x07\0\x09",
                                  5)));  // a text longer than the headers
  refused(with_checks(22, 6,
                      std::string("\x01"
                                  "a\0\x01"
                                  "a\0",
                                  6)));  // one name twice
}

TEST_CASE("what does not fit the format is not sent") {
  CHECK_THROWS_AS(encode({{{"", true}}, ""}), FormatError);
  CHECK_THROWS_AS(encode({{{std::string(256, 'a'), true}}, ""}), FormatError);
  CHECK_NOTHROW(encode({{{std::string(255, 'a'), true}}, ""}));
  CHECK_THROWS_AS(encode({{{"a", std::string(65'536, 'a')}}, ""}), FormatError);
  CHECK_NOTHROW(encode({{{"a", std::string(65'535, 'a')}}, ""}));
  CHECK_THROWS_AS(encode({{}, std::string(payload_bytes_max + 1, 'a')}), FormatError);
  Message headers;
  for (char name : {'a', 'b', 'c'})
    headers.headers.push_back({std::string(1, name), std::string(60'000, 'a')});
  CHECK_THROWS_AS(encode(headers), FormatError);
}
