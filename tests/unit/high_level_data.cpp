// Serializers and NPY arrays. The NPY files below were written by NumPy 2.4.
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/serializers.hpp>

using namespace sagemaker;

namespace {

// A header as NumPy writes it: padded with spaces so that the numbers start at byte 128.
std::string numpy_file(const std::string& dictionary, const std::string& numbers) {
  std::string file("\x93NUMPY\x01\x00\x76\x00", 10);
  file += dictionary;
  file.append(127 - file.size(), ' ');
  return file + "\n" + numbers;
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

const std::string floats_2x3 = numpy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                                          bytes({0, 0, 0x80, 0x3f, 0, 0, 0,    0x40, 0, 0, 0x40, 0x40,
                                                 0, 0, 0x80, 0x40, 0, 0, 0xa0, 0x40, 0, 0, 0xc0, 0x40}));

}  // namespace

TEST_CASE("NPY: an array becomes the bytes that NumPy writes for it") {
  const NpyArray array(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(array.encode() == floats_2x3);
  const NpyArray integers(std::vector<std::int64_t>{7, -1}, {2});
  CHECK(integers.encode() == numpy_file("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }",
                                        bytes({7, 0, 0, 0, 0, 0, 0, 0}) + std::string(8, '\xff')));
  const NpyArray scalar(std::vector<double>{2.5}, {});
  CHECK(scalar.encode() == numpy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
                                      bytes({0, 0, 0, 0, 0, 0, 4, 0x40})));
  const NpyArray none(std::vector<std::uint8_t>{}, {0, 3});
  CHECK(none.encode() == numpy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }", ""));
}

TEST_CASE("NPY: what NumPy writes is read") {
  const NpyArray array = NpyArray::decode(floats_2x3);
  CHECK(array.shape() == std::vector<std::size_t>{2, 3});
  CHECK(array.dtype() == "<f4");
  CHECK(array.size() == 6);
  CHECK(array.values<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(array.values<int>() == std::vector<int>{1, 2, 3, 4, 5, 6});

  SUBCASE("big-endian and column-major becomes little-endian and row-major") {
    const NpyArray turned =
        NpyArray::decode(numpy_file("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }",
                                    bytes({0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6})));
    CHECK(turned.values<std::int16_t>() == std::vector<std::int16_t>{1, 2, 3, 4, 5, 6});
    CHECK(turned == NpyArray(std::vector<std::int16_t>{1, 2, 3, 4, 5, 6}, {2, 3}));
  }
  SUBCASE("half precision is read as numbers") {
    const NpyArray half =
        NpyArray::decode(numpy_file("{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }",
                                    bytes({0x00, 0x3e, 0x00, 0xb4, 0xff, 0x7b})));
    CHECK(half.values<double>() == std::vector<double>{1.5, -0.25, 65504});
  }
  SUBCASE("booleans are read as 0 and 1") {
    const NpyArray truth = NpyArray::decode(
        numpy_file("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", bytes({1, 0})));
    CHECK(truth.values<std::uint8_t>() == std::vector<std::uint8_t>{1, 0});
  }
  SUBCASE("format version 2 has a longer header length") {
    std::string file("\x93NUMPY\x02\x00\x36\x00\x00\x00", 12);
    file += "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}";
    file.resize(12 + 0x36);
    file.back() = '\n';
    // The dictionary is 55 characters: one too many for this header, so the header is cut inside it.
    CHECK_THROWS_AS(NpyArray::decode(file + "\x09"), NpyError);
    std::string good("\x93NUMPY\x02\x00\x38\x00\x00\x00", 12);
    good += "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}\n\x09";
    CHECK(NpyArray::decode(good).values<int>() == std::vector<int>{9});
  }
}

TEST_CASE("NPY: what is not an array of numbers is refused with a reason") {
  const auto reason = [](const std::string& file) -> std::string {
    try {
      NpyArray::decode(file);
    } catch (const NpyError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(reason("").find("magic") != std::string::npos);
  CHECK(reason("{\"a\": 1}   ").find("magic") != std::string::npos);
  CHECK(reason(floats_2x3.substr(0, 60)).find("cut off") != std::string::npos);
  CHECK(reason(floats_2x3.substr(0, 140)).find("needs 24 bytes, the data has 12") != std::string::npos);
  CHECK(reason(floats_2x3 + "x").find("needs 24 bytes") != std::string::npos);
  CHECK(reason(numpy_file("{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", "")).find("'<U5'") !=
        std::string::npos);
  CHECK(reason(numpy_file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", ""))
            .find("structured") != std::string::npos);
  CHECK(reason(numpy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 999999999999), }",
                          ""))
            .find("too large") != std::string::npos);
  CHECK_THROWS_AS(NpyArray(std::vector<float>{1, 2, 3}, {2, 2}), NpyError);
}

TEST_CASE("CSV: rows, quoting and round trips") {
  const CSVSerializer to;
  const CSVDeserializer from;
  CHECK(to.content_type == "text/csv");
  CHECK(to.serialize({{1, 2.5}, {3, -4}}) == "1,2.5\n3,-4");
  CHECK(to.serialize({1, 2, 3}) == "1,2,3");
  CHECK(to.serialize("5,6\n7,8") == "5,6\n7,8");
  const json rows = json::array(
      {json::array({"plain", "with, comma", "with \"quotes\"", "two\nlines", ""}), json::array({"x"})});
  CHECK(to.serialize(rows) == "plain,\"with, comma\",\"with \"\"quotes\"\"\",\"two\nlines\",\nx");
  CHECK(from.deserialize(to.serialize(rows)) == rows);
  CHECK(from.deserialize("1,2\r\n3,4\r\n") ==
        json::array({json::array({"1", "2"}), json::array({"3", "4"})}));
  CHECK(from.deserialize("") == json::array());
  CHECK(from.deserialize("a,") == json::array({json::array({"a", ""})}));
  CHECK_THROWS_AS(from.deserialize("\"open"), SerializationError);
  CHECK_THROWS_AS(to.serialize({{"key", 1}}), SerializationError);
}

TEST_CASE("Numpy serializer: nested arrays travel as NPY") {
  const NumpySerializer to;
  const NumpyDeserializer from;
  CHECK(to.content_type == "application/x-npy");
  CHECK(from.accept == "application/x-npy");
  CHECK(NpyArray::decode(to.serialize({{1, 2}, {3, 4}})).dtype() == "<i8");
  CHECK(NpyArray::decode(to.serialize({{1, 2}, {3, 4.5}})).dtype() == "<f8");
  for (const json& data : {json::parse("[[1,2],[3,4]]"), json::parse("[[[1.5],[2.0]],[[0.0],[-1.0]]]"),
                           json::parse("[]"), json(2.5)}) {
    CHECK(from.deserialize(to.serialize(data)) == data);
  }
  CHECK_THROWS_AS(to.serialize(json::parse("[[1,2],[3]]")), SerializationError);
  CHECK_THROWS_AS(to.serialize(json::parse("[1,[2]]")), SerializationError);
  CHECK_THROWS_AS(to.serialize(json::parse("[\"a\"]")), SerializationError);
}

TEST_CASE("JSON, JSON Lines, bytes and texts round trip") {
  const json data = json::parse(R"([{"a": [1, 2]}, "line\nbreak", null])");
  CHECK(JSONDeserializer{}.deserialize(JSONSerializer{}.serialize(data)) == data);
  CHECK(JSONLinesSerializer{}.serialize(data) == "{\"a\":[1,2]}\n\"line\\nbreak\"\nnull");
  CHECK(JSONLinesDeserializer{}.deserialize(JSONLinesSerializer{}.serialize(data) + "\n\n") == data);
  CHECK(IdentitySerializer{}.content_type == "application/octet-stream");
  CHECK(IdentitySerializer{}.serialize(json::binary({0, 255, 10})) == bytes({0, 255, 10}));
  CHECK(BytesDeserializer{}.accept == "*/*");
  CHECK(BytesDeserializer{}.deserialize(bytes({0, 255})) == json::binary({0, 255}));
  CHECK(StringSerializer{}.serialize("text") == "text");
  CHECK(StringDeserializer{}.deserialize("text") == json("text"));
  CHECK_THROWS_AS(IdentitySerializer{}.serialize(json::array()), SerializationError);
  CHECK_THROWS_AS(JSONDeserializer{}.deserialize("<html>"), SerializationError);
}
