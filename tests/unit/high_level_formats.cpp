// Serializers and deserializers beyond JSON, CSV and NumPy: bytes that other implementations write, and
// answers that are told apart by their content type.
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/sagemaker.hpp>

#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += digits;
  }
  return text;
}

}  // namespace

TEST_CASE("a deserializer may look at the content type, or at the body alone") {
  const Deserializer body_only{"*/*", [](std::string_view body) { return json(body.size()); }};
  CHECK(body_only.deserialize("abc", "text/plain") == 3);
  CHECK(body_only.deserialize("abc") == 3);
  const Deserializer both{"*/*",
                          [](std::string_view, std::string_view type) { return json(std::string(type)); }};
  CHECK(both.deserialize("abc", "text/plain") == "text/plain");
  CHECK(both.deserialize("abc") == "");
  const DeserializeFunction copy = both.deserialize;
  CHECK(copy("abc", "x") == "x");
}

TEST_CASE("NumPy's deserializer reads what else the container may answer") {
  const NumpyDeserializer numpy;
  CHECK(numpy.deserialize(NpyArray(std::vector<float>{1, 2}, {2}).encode(), "application/x-npy") ==
        json{1, 2});
  CHECK(numpy.deserialize("[[1,2]]", "application/json; charset=utf-8") == json::parse("[[1,2]]"));
  CHECK(numpy.deserialize("1,2\n3,4.5", "text/csv") == json::parse("[[1,2],[3,4.5]]"));
  CHECK(numpy.deserialize("1,2", "text/csv") == json::parse("[1,2]"));
  CHECK(numpy.deserialize("1\n2", "text/csv") == json::parse("[1,2]"));
}

TEST_CASE("an answer of NumPy's format without numbers does not become arrays without end") {
  const NumpyDeserializer numpy;
  CHECK(numpy.deserialize(NpyArray(std::vector<float>{}, {2, 0}).encode()) == json::parse("[[],[]]"));
  CHECK(numpy.deserialize(NpyArray(std::vector<float>{}, {0, 1ULL << 50}).encode()) == json::array());
  const std::string endless = NpyArray(std::vector<float>{}, {1ULL << 50, 0}).encode();
  CHECK_THROWS_AS(numpy.deserialize(endless), SerializationError);
  CHECK_THROWS_AS(numpy.deserialize(NpyArray(std::vector<float>{}, {1000, 1001, 0}).encode()),
                  SerializationError);
}

TEST_CASE("tensors travel as the Python SDK sends them: NumPy's format under the name tensor/pt") {
  const TorchTensorSerializer serializer;
  CHECK(serializer.content_type == "tensor/pt");
  CHECK(NpyArray::decode(serializer.serialize({{0.5, 1}})).shape() == std::vector<std::size_t>{1, 2});
  const TorchTensorDeserializer deserializer;
  CHECK(deserializer.accept == "tensor/pt");
  CHECK(deserializer.deserialize(NpyArray(std::vector<float>{0.5F}, {1}).encode()) == json{0.5});
}

TEST_CASE("texts, files and tables") {
  CHECK(LibSVMSerializer().serialize("1 3:0.5") == "1 3:0.5");
  CHECK(LibSVMSerializer().content_type == "text/libsvm");
  CHECK_THROWS_AS(LibSVMSerializer().serialize({1, 2}), SerializationError);
  TemporaryDirectory folder;
  std::ofstream(folder / "image.png") << "PNG";
  const DataSerializer data;
  CHECK(data.content_type == "file-path/raw-bytes");
  CHECK(data.serialize((folder / "image.png").string()) == "PNG");
  CHECK(data.serialize({{"data", (folder / "image.png").string()}}) == "PNG");
  CHECK(data.serialize(json::binary({1, 2})) == "\x01\x02");
  CHECK_THROWS_AS(data.serialize((folder / "absent").string()), SerializationError);
  const PandasDeserializer table;
  CHECK(table.deserialize("a,b\n1,x\n2.5,\"y,z\"\n", "text/csv") ==
        json::parse(R"([{"a": 1, "b": "x"}, {"a": 2.5, "b": "y,z"}])"));
  CHECK(table.deserialize("{\"a\": 1}", "application/json") == json{{"a", 1}});
  CHECK_THROWS_AS(table.deserialize("a,b\n1\n", "text/csv"), SerializationError);
  CHECK_THROWS_AS(table.deserialize("x", "image/png"), SerializationError);
}

TEST_CASE("records have the bytes of the Python SDK's RecordSerializer") {
  // Of numpy.array([[1, -2]]) as float32, float64 and int64.
  CHECK(hex(encode_records(NpyArray(std::vector<float>{1, -2}, {1, 2}))) ==
        "0a23d7ce180000000a160a0676616c756573120c120a0a080000803f000000c0");
  CHECK(hex(RecordSerializer().serialize({1.0, -2.0})) ==
        "0a23d7ce200000000a1e0a0676616c75657312141a120a10000000000000f03f00000000000000c0");
  CHECK(hex(RecordSerializer().serialize({{1, -2}})) ==
        "0a23d7ce1b0000000a190a0676616c756573120f3a0d0a0b01feffffffffffffffff0100");
}

TEST_CASE("records come back as they went") {
  for (const NpyArray& rows : {NpyArray(std::vector<float>{0.5F, -1, 2, 3}, {2, 2}),
                               NpyArray(std::vector<double>{0.5, -1, 2, 3}, {2, 2}),
                               NpyArray(std::vector<std::int64_t>{5, -1, 2, 300}, {2, 2})}) {
    const json records = decode_records(encode_records(rows));
    REQUIRE(records.size() == 2);
    const json& value = records[1]["features"]["values"];
    REQUIRE(value.size() == 1);
    CHECK(value.front()["values"] == json{rows.values<double>()[2], rows.values<double>()[3]});
  }
  CHECK(decode_records(RecordSerializer().serialize({1, 2, 3})).size() == 1);
  CHECK(decode_records("").empty());
  CHECK_THROWS_AS(encode_records(NpyArray(std::vector<float>{1}, {1, 1, 1})), SerializationError);
  CHECK_THROWS_AS(encode_records(NpyArray(std::vector<std::int64_t>{1LL << 40}, {1})), SerializationError);
  // Not -1.
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  CHECK_THROWS_AS(encode_records(NpyArray(std::vector<std::uint64_t>{largest}, {1})), SerializationError);
  CHECK(decode_records(encode_records(NpyArray(std::vector<std::uint64_t>{7}, {1}))).size() == 1);
}

TEST_CASE("a record that holds the magic number itself comes in parts, as MXNet's writers store it") {
  const std::string whole = encode_records(NpyArray(std::vector<std::int64_t>{1, 2}, {2}));
  const std::string magic = whole.substr(0, 4);
  const auto frame = [&](std::uint32_t flag, const std::string& part) {
    std::string bytes = magic;
    const auto header = static_cast<std::uint32_t>(part.size()) | flag << 29;
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(header >> shift & 0xff);
    return bytes + part + std::string((4 - part.size() % 4) % 4, '\0');
  };
  // A record with the text "a" magic "b" as its uid (field 3).
  const std::string parts = frame(1, std::string("\x1a\x06", 2) + "a") + frame(3, "b");
  const json records = decode_records(parts + whole);
  REQUIRE(records.size() == 2);
  CHECK(records[0]["uid"] == "a" + magic + "b");
  CHECK_THROWS_AS(decode_records(frame(1, "a")), SerializationError);
  CHECK_THROWS_AS(decode_records(frame(3, "a")), SerializationError);
}

TEST_CASE("records that are cut off or no records are refused") {
  const std::string bytes = encode_records(NpyArray(std::vector<float>{1, 2, 3}, {3}));
  for (std::size_t size = 1; size + 3 < bytes.size(); ++size)
    CHECK_THROWS_AS(decode_records(bytes.substr(0, size)), SerializationError);
  CHECK_THROWS_AS(decode_records("\x0a\x23\xd7\xcf" + bytes.substr(4)), SerializationError);
  for (std::size_t at = 8; at < bytes.size();
       ++at) {  // whatever a byte becomes, nothing is read beyond the end
    std::string changed = bytes;
    for (int value = 0; value < 256; value += 5) {
      changed[at] = static_cast<char>(value);
      try {
        decode_records(changed);
      } catch (const SerializationError&) {
        continue;
      }
    }
  }
}

TEST_CASE("a sparse matrix holds what is not zero") {
  SparseMatrix matrix;
  matrix.append_row({0, 0, 3});
  matrix.append_row({0, 0, 0});
  matrix.append_row({1, 0, 2});
  CHECK(matrix.rows == 3);
  CHECK(matrix.columns == 3);
  CHECK(matrix.indptr == std::vector<std::int32_t>{0, 1, 1, 3});
  CHECK(matrix.indices == std::vector<std::int32_t>{2, 0, 2});
  CHECK(matrix.values == std::vector<double>{3, 1, 2});
  CHECK_THROWS_AS(matrix.append_row({1}), SerializationError);
  CHECK(SparseMatrixSerializer().serialize({{0, 0, 3}, {0, 0, 0}, {1, 0, 2}}) == matrix.encode());
  CHECK(matrix.encode().starts_with("PK\x03\x04"));
  CHECK(matrix.encode().find("indptr.npy") != std::string::npos);
  matrix.indices.pop_back();
  CHECK_THROWS_AS(matrix.encode(), SerializationError);
  CHECK_THROWS_AS(SparseMatrixSerializer().serialize({1, 2}), SerializationError);
}
