// The codecs of the toolkit beyond JSON, CSV and NPY, and what damaged and hostile bodies do to them.
// clang-format off: libtorch has a CHECK of its own, and doctest's is to be the one in use.
#include <sagemaker/container.hpp>
#undef CHECK
#include <doctest/doctest.h>
// clang-format on
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <zlib.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/container/detail/number_text.hpp>
#include <sagemaker/container/detail/recordio.hpp>
#include <sagemaker/container/detail/zip_writer.hpp>

using namespace sagemaker::container;
namespace codec = sagemaker::container::detail;

namespace {

using Shape = std::vector<std::int64_t>;

Shape shape(const torch::Tensor& tensor) { return tensor.sizes().vec(); }

// The status and the message of the RequestError that `call` throws.
template <class Call>
std::pair<int, std::string> refusal(Call&& call) {
  try {
    call();
  } catch (const RequestError& error) {
    return {error.status(), error.what()};
  }
  return {0, "no refusal"};
}

// Every beginning of `good` is refused, and so is it with a byte changed, or it is still read: nothing else
// happens.
void check_damaged(const std::string& good, const std::string& type) {
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(refusal([&] { decode(good.substr(0, size), type); }).first == 400);
  }
  std::minstd_rand random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    const int status = refusal([&] { decode(bad, type); }).first;
    CHECK((status == 0 || status == 400));
  }
}

std::string png_chunk(const std::string& name, const std::string& content) {
  std::string out;
  const auto number = [&](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  };
  number(static_cast<std::uint32_t>(content.size()));
  const std::string body = name + content;
  out += body;
  number(static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
  return out;
}

// Eight bits a channel; `color`: 0 grey, 2 RGB, 6 RGBA. `rows` has a filter byte before each row.
std::string png(std::uint32_t width, std::uint32_t height, char color, const std::string& rows) {
  std::string header;
  for (const std::uint32_t size : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(size >> shift & 0xFF);
  }
  header += std::string("\x08") + color + std::string(3, '\0');
  uLongf packed_bytes = ::compressBound(rows.size());
  std::string packed(packed_bytes, '\0');
  ::compress(reinterpret_cast<Bytef*>(packed.data()), &packed_bytes,
             reinterpret_cast<const Bytef*>(rows.data()), rows.size());
  packed.resize(packed_bytes);
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", header) + png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

std::string npz(const std::vector<std::pair<std::string, torch::Tensor>>& arrays, const std::string& format) {
  codec::ZipWriter archive;
  for (const auto& [name, array] : arrays) archive.add(name + ".npy", encode_npy(array));
  if (!format.empty()) {
    std::string text = "{'descr': '|S3', 'fortran_order': False, 'shape': (), }";
    text.resize(117, ' ');
    archive.add("format.npy", std::string("\x93NUMPY\x01\x00\x76\x00", 10) + text + "\n" + format);
  }
  return archive.finish();
}

torch::Tensor longs(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kLong); }

std::string field(unsigned number, const std::string& message) {
  std::string out;
  sagemaker::formats::append_message(out, number, message);
  return out;
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// A frame with a Record whose feature "values" is the tensor `message` of the given type.
std::string record(unsigned type, const std::string& message, const std::string& name = "values") {
  std::string out;
  sagemaker::formats::append_recordio(out, field(1, field(1, name) + field(2, field(type, message))));
  return out;
}

const std::string grey_jpeg =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/"
    "2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/"
    "wgALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//aAAgBAQAAAAEf/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABBQJ/"
    "/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAGPwJ//8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPyF//"
    "9oACAEBAAAAEP8A/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxB//9k=";

}  // namespace

TEST_CASE("decimals become the float that Python makes of them") {
  std::mt19937_64 random(1);
  const auto check = [](const std::string& text) {
    CAPTURE(text);
    float quick = 0, sure = 0;
    const char* const end = text.data() + text.size();
    const char* const behind = codec::read_float_quickly(text.data(), end, quick);
    REQUIRE(codec::read_float_surely(text.data(), end, sure) == end);
    if (behind != nullptr) {
      CHECK(behind == end);
      CHECK(std::bit_cast<std::uint32_t>(quick) == std::bit_cast<std::uint32_t>(sure));
    }
    CHECK(std::bit_cast<std::uint32_t>(sure) ==
          std::bit_cast<std::uint32_t>(static_cast<float>(std::strtod(text.c_str(), nullptr))));
  };
  for (int round = 0; round < 100'000; ++round) {
    char text[64];
    const auto bits = static_cast<std::uint32_t>(random());
    const auto number = std::bit_cast<float>(bits);
    if (!std::isfinite(number)) continue;
    std::snprintf(text, sizeof text, "%.*g", static_cast<int>(1 + random() % 19),
                  static_cast<double>(number));
    check(text);
    const double scaled = std::ldexp(static_cast<double>(random()), -static_cast<int>(random() % 80));
    std::snprintf(text, sizeof text, "%.17g", round % 2 == 0 ? scaled : -scaled);
    check(text);
    // Close to the middle between two floats, where rounding twice goes wrong.
    const float one =
        std::ldexp(static_cast<float>(1 + random() % 16777215), static_cast<int>(random() % 40) - 30);
    const double middle = (static_cast<double>(one) + static_cast<double>(std::nextafter(one, 1e30F))) / 2;
    for (const double near : {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e300)}) {
      std::snprintf(text, sizeof text, "%.18g", near);
      check(text);
    }
  }
  for (const char* const text :
       {"0", "-0", "0.0", "00.5", "1e22", "1e-22", "1e23", "1e-400", "9999999999999999999", "1E5",
        "18446744073709551616", "0.00000000000000000001", "123456789.123456789", "1e+05"})
    check(text);
}

TEST_CASE("numbers are written with the fewest digits that read back") {
  char text[codec::number_text_max];
  for (const double number : {0.1, 1e-5, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 1e22}) {
    char* const end = codec::write_number(text, number, codec::json_words);
    REQUIRE(end < text + sizeof text);
    *end = '\0';
    CHECK(std::strtod(text, nullptr) == number);
  }
  CHECK(encode_json(torch::tensor({-std::numeric_limits<float>::max(), 1e10F, 123456.0F})) ==
        "[-3.4028235e+38, 1e+10, 123456.0]");
  CHECK(encode_json(torch::tensor(std::numeric_limits<std::int64_t>::min())) == "-9223372036854775808");
  const torch::Tensor many = torch::rand({3, 1000});
  CHECK(torch::equal(decode_json(encode_json(many)), many));
  CHECK(torch::equal(decode_csv(encode_csv(many)), many));
}

TEST_CASE("a line of JSON Lines is a row") {
  CHECK(torch::equal(decode_jsonlines("[1, 2]\n[3, 4]\n"), torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}})));
  CHECK(shape(decode_jsonlines(
            "{\"features\": [1, 2, 3]}\r\n\n{\"data\": {\"features\": {\"values\": [1, 2, 3]}}}")) ==
        Shape{2, 3});
  CHECK(shape(decode_jsonlines("1\n2\n3")) == Shape{3});
  CHECK(shape(decode("[[1], [2]]", "application/jsonlines")) == Shape{1, 2, 1});
  CHECK(refusal([] { decode_jsonlines("[1]\n[2, 3]\n"); }).second ==
        "invalid JSON Lines input: line 2 has the shape [2], the lines before it [1]");
  CHECK(refusal([] { decode_jsonlines("[1]\n\n[x]\n"); }).second ==
        "invalid JSON Lines input: line 3: a number or an array expected (byte 1)");
  CHECK(refusal([] { decode_jsonlines("\n \n"); }).first == 400);
  CHECK(encode_jsonlines(torch::tensor({{1, 2}, {3, 4}}, torch::kLong)) == "[1, 2]\n[3, 4]\n");
  CHECK(encode_jsonlines(torch::tensor({0.5f, 2.0f})) == "0.5\n2.0\n");
  CHECK(encode_jsonlines(torch::tensor(1.0f)) == "1.0\n");
}

TEST_CASE("CSV with every line end, and labels") {
  CHECK(torch::equal(decode_csv("\xEF\xBB\xBF"
                                "1,2\r\n3,\r\n")
                         .nan_to_num(-1.0),
                     torch::tensor({{1.0f, 2.0f}, {3.0f, -1.0f}})));
  CHECK(shape(decode_csv("1,2,")) == Shape{1, 3});
  CHECK(torch::equal(decode_csv("a,1\n\"b c\",2", 1), torch::tensor({{1.0f}, {2.0f}})));
  CHECK(refusal([] { decode_csv("1,2\n1\n", 1); }).first == 400);
  CHECK(std::isinf(decode_csv("inf,-1")[0][0].item<float>()));
}

TEST_CASE("LibSVM: indices from zero, labels and comments dropped") {
  CHECK(torch::equal(decode_libsvm("1 0:0.5 2:1e1 # first\n-1 qid:3 1:+2\r\n\n0:7\n"),
                     torch::tensor({{0.5f, 0.0f, 10.0f}, {0.0f, 2.0f, 0.0f}, {7.0f, 0.0f, 0.0f}})));
  CHECK(shape(decode("1\n2 1:1", "text/libsvm; feature_dim=5")) == Shape{2, 5});
  CHECK(refusal([] { decode("0:1 5:1", "text/libsvm; feature_dim=5"); }).second ==
        "invalid LibSVM input: index 5 lies outside of feature_dim=5");
  CHECK(refusal([] { decode_libsvm("1 0:1\n0 a:1"); }).second ==
        "invalid LibSVM input: 'a:1' in line 2 has no index from 0 to 4294967295");
  for (const char* const text : {"", "\n", "spam", "1 2", "0:", "0:x", "-1:1", "99999999999:1", ":1"}) {
    CAPTURE(text);
    CHECK(refusal([&] { decode_libsvm(text); }).first == 400);
  }
  const auto [status, message] = refusal([] { decode_libsvm("4294967295:1"); });
  CHECK(status == 400);
  CHECK(message.find("would become larger than 268435456 bytes") != std::string::npos);
}

TEST_CASE("NPZ: one array, or a sparse matrix of each format") {
  const torch::Tensor one = torch::arange(6, torch::kInt).view({2, 3});
  CHECK(torch::equal(decode_npz(npz({{"arr_0", one}}, "")), one));
  const torch::Tensor dense = torch::tensor({{0.0f, 1.0f, 0.0f, 2.0f}, {3.0f, 0.0f, 0.0f, 4.0f}});
  const torch::Tensor size = longs({2, 4});
  const auto values = [](std::vector<double> numbers) { return torch::tensor(numbers, torch::kDouble); };
  CHECK(torch::equal(decode_npz(npz({{"indices", longs({1, 3, 0, 3}).to(torch::kInt)},
                                     {"indptr", longs({0, 2, 4}).to(torch::kInt)},
                                     {"shape", size},
                                     {"data", values({1, 2, 3, 4})}},
                                    "csr")),
                     dense));
  CHECK(torch::equal(decode_npz(npz({{"indices", longs({1, 0, 0, 1})},
                                     {"indptr", longs({0, 1, 2, 2, 4})},
                                     {"shape", size},
                                     {"data", values({3, 1, 2, 4})}},
                                    "csc")),
                     dense));
  CHECK(torch::equal(decode_npz(npz({{"row", longs({0, 0, 1, 1, 1})},
                                     {"col", longs({1, 3, 0, 3, 3})},
                                     {"shape", size},
                                     {"data", values({1, 2, 3, 1, 3})}},
                                    "coo")),
                     dense));
  CHECK(torch::equal(
      decode_npz(npz({{"indices", longs({0, 1})},
                      {"indptr", longs({0, 2})},
                      {"shape", size},
                      {"data", torch::tensor({{{0.0f, 1.0f}, {3.0f, 0.0f}}, {{0.0f, 2.0f}, {0.0f, 4.0f}}})}},
                     "bsr")),
      dense));
  CHECK(torch::equal(decode_npz(npz({{"offsets", longs({1, -1, 3, 2})},
                                     {"shape", size},
                                     {"data", torch::tensor({{0.0f, 1.0f, 0.0f, 0.0f},
                                                             {3.0f, 0.0f, 0.0f, 0.0f},
                                                             {0.0f, 0.0f, 0.0f, 2.0f},
                                                             {0.0f, 0.0f, 0.0f, 4.0f}})}},
                                    "dia")),
                     dense));
}

TEST_CASE("NPZ that is damaged, hostile or not supported is refused") {
  const torch::Tensor one = torch::ones({2}), size = longs({2, 2});
  check_damaged(npz({{"arr_0", one}}, ""), "application/x-npz");
  check_damaged(
      npz({{"indices", longs({0, 1})}, {"indptr", longs({0, 1, 2})}, {"shape", size}, {"data", one}}, "csr"),
      "application/x-npz");
  const auto refused = [](const std::vector<std::pair<std::string, torch::Tensor>>& arrays,
                          const std::string& format, const std::string& why) {
    CAPTURE(why);
    const auto [status, message] = refusal([&] { decode_npz(npz(arrays, format)); });
    CHECK(status == 400);
    CHECK(message.find(why) != std::string::npos);
  };
  refused({{"a", one}, {"b", one}}, "", "it holds 2 arrays");
  refused({}, "", "it holds 0 arrays");
  refused({{"shape", size}, {"data", one}}, "lil", "'lil' is none of");
  refused({{"shape", size}, {"data", one}}, "csr", "a sparse matrix has no array");
  refused({{"shape", longs({1 << 30, 1 << 30})}, {"data", one}}, "csr", "would become larger than");
  refused({{"shape", longs({-1, 2})}, {"data", one}}, "csr", "its shape cannot be read");
  const auto csr = [&](std::vector<std::int64_t> indices, std::vector<std::int64_t> indptr,
                       const std::string& why) {
    refused({{"indices", longs(std::move(indices))},
             {"indptr", longs(std::move(indptr))},
             {"shape", size},
             {"data", one}},
            "csr", why);
  };
  csr({0, 2}, {0, 1, 2}, "an index lies outside");
  csr({0, -1}, {0, 1, 2}, "an index lies outside");
  csr({0, 1}, {0, 3, 2}, "'indptr' does not fit the data");
  csr({0, 1}, {0, 1, 9}, "'indptr' does not fit the data");
  csr({0, 1}, {0, 2}, "'indptr' does not fit the shape");
  csr({0}, {0, 1, 2}, "differ in length");
  // Every difference is positive when it wraps around, and so the rows would reach far behind the data.
  const std::int64_t max = std::numeric_limits<std::int64_t>::max();
  refused({{"indices", longs({0, 1})},
           {"indptr", longs({0, max, -2, 2})},
           {"shape", longs({3, 2})},
           {"data", one}},
          "csr", "'indptr' does not fit the data");
  CHECK(refusal([] { decode_npz("PK no archive"); }).second == "invalid NPZ input: it is not a ZIP archive");
}

TEST_CASE("what is small in its format and large as a tensor is refused before it is made") {
  const auto refused = [](const std::string& body, const std::string& type) {
    CAPTURE(type);
    const auto [status, message] = refusal([&] { decode(body, type); });
    CHECK(status == 400);
    CHECK(message.find("would become larger than 268435456 bytes") != std::string::npos);
  };
  // Bytes that become float32 and int64.
  const torch::Tensor many = torch::zeros({70 << 20}, torch::kChar), one = torch::ones({1});
  const torch::Tensor size = longs({2, 2});
  refused(
      npz({{"indices", longs({0})}, {"indptr", longs({0, 1, 1})}, {"shape", size}, {"data", many}}, "csr"),
      "application/x-npz");
  refused(npz({{"indices", many}, {"indptr", longs({0, 1, 1})}, {"shape", size}, {"data", one}}, "csr"),
          "application/x-npz");
  // No items, in more rows than anything can go through.
  const torch::Tensor rows = torch::empty({std::int64_t{1} << 50, 0});
  refused(encode_npy(rows), "application/x-npy");
  refused(encode_npy(torch::empty({0, std::int64_t{1} << 50})), "application/x-npy");
  refused(npz({{"arr_0", rows}}, ""), "application/x-npz");
  refused(npz({{"offsets", longs({})},
               {"shape", longs({std::int64_t{1} << 50, 0})},
               {"data", torch::empty({0, 0})}},
              "dia"),
          "application/x-npz");
  refused(encode_torch(rows), "tensor/pt");
  CHECK(shape(decode_npy(encode_npy(torch::empty({3, 0, 2})))) == Shape{3, 0, 2});
  CHECK(shape(decode_torch(encode_torch(torch::empty({3, 0, 2})))) == Shape{3, 0, 2});
}

TEST_CASE("RecordIO-protobuf: numbers that are not packed take no more time for being many") {
  std::string tensor;
  constexpr std::size_t count = 1'000'000;
  for (std::size_t i = 0; i < count; ++i) tensor += "\x0D" + std::string(4, '\0');
  CHECK(shape(decode_recordio(record(2, tensor))) == Shape{1, count});
}

TEST_CASE("RecordIO-protobuf: dense records of every type") {
  const torch::Tensor expected = torch::tensor({{1.0f, -2.5f}, {3.0f, 4.0f}});
  CHECK(torch::equal(
      decode_recordio(record(2, field(1, floats({1, -2.5}))) + record(2, field(1, floats({3, 4})))),
      expected));
  const std::vector<double> doubles = {1, -2.5};
  CHECK(torch::equal(decode_recordio(record(3, field(1, {reinterpret_cast<const char*>(doubles.data()),
                                                         doubles.size() * sizeof(double)}))),
                     expected.slice(0, 0, 1)));
  std::string integers;
  sagemaker::formats::append_varint(integers, 7);
  sagemaker::formats::append_varint(integers, static_cast<std::uint64_t>(std::int64_t{-3}));
  CHECK(torch::equal(decode_recordio(record(7, field(1, integers))), torch::tensor({{7.0f, -3.0f}})));
  // Not packed, as old writers do it; in a shape; with a name of its own; in several frames.
  CHECK(torch::equal(decode_recordio(record(2, "\x0D" + floats({1}) + "\x0D" + floats({-2.5}))),
                     expected.slice(0, 0, 1)));
  CHECK(shape(decode_recordio(record(2, field(1, floats({1, 2, 3, 4})) + field(3, "\x02\x02")))) ==
        Shape{1, 2, 2});
  CHECK(shape(decode_recordio(record(2, field(1, floats({1, 2})), "image"))) == Shape{1, 2});
  const std::string whole = record(2, field(1, floats({1, -2.5}))).substr(8);
  const std::string size(1, static_cast<char>(8)), rest(1, static_cast<char>(whole.size() - 4 - 8));
  const std::string magic = std::string("\x0A\x23\xD7\xCE", 4);
  std::string split = record(2, field(1, floats({std::bit_cast<float>(0xCED7230A)})));
  const auto at = split.find(magic, 4);
  REQUIRE(at != std::string::npos);
  const std::string head = split.substr(8, at - 8), tail = split.substr(at + 4);
  std::string parts;
  for (const auto& [part, flag] : {std::pair(head, 1), std::pair(tail, 3)}) {
    parts += magic;
    sagemaker::formats::append_little_endian(
        parts, static_cast<std::uint32_t>(part.size() | static_cast<std::size_t>(flag) << 29));
    parts.append(part).append((4 - part.size() % 4) % 4, '\0');
  }
  const torch::Tensor joined = decode_recordio(parts);
  CHECK(joined.item<float>() == std::bit_cast<float>(0xCED7230A));
}

TEST_CASE("RecordIO-protobuf: sparse records, and refusals") {
  const std::string one = record(2, field(1, floats({5, 6})) + field(2, "\x01\x03") + field(3, "\x05"));
  CHECK(torch::equal(decode_recordio(one), torch::tensor({{0.0f, 5.0f, 0.0f, 6.0f, 0.0f}})));
  const std::string bare = record(2, field(1, floats({5})) + field(2, "\x01"));
  CHECK(shape(decode_recordio(bare)) == Shape{1, 2});
  CHECK(shape(decode(bare, "application/x-recordio-protobuf; feature_dim=9")) == Shape{1, 9});
  CHECK(shape(decode_recordio(one + record(2, field(3, "\x05")))) == Shape{2, 5});  // a row of zeros
  const std::string dense = record(2, field(1, floats({1, 2})));
  check_damaged(dense, "application/x-recordio-protobuf");
  check_damaged(one.substr(0, one.size() - 1), "application/x-recordio-protobuf");  // without its padding
  for (const auto& [body, why] : std::vector<std::pair<std::string, std::string>>{
           {"", "the body is empty"},
           {dense + bare, "some of its records are dense and some are sparse"},
           {dense + record(2, field(1, floats({1}))), "record 2 has 1 values"},
           {record(2, field(1, floats({5})) + field(2, "\x01\x02")), "2 keys and 1 values"},
           {record(2, field(1, floats({5})) + field(2, "\x07") + field(3, "\x05")), "lies outside"},
           {record(9, field(1, "bytes")), "a feature of bytes"},
           {record(2, field(1, "abc")), "truncated"},
           {record(2, field(1, floats({1}))).substr(1), "magic number"}}) {
    CAPTURE(why);
    const auto [status, message] = refusal([&, &sent = body] { decode_recordio(sent); });
    CHECK(status == 400);
    CHECK(message.find(why) != std::string::npos);
  }
  CHECK(refusal([] {
          decode_recordio(record(2, field(1, floats({5})) + field(2, "\xFF\xFF\xFF\xFF\x0F")));
        }).second.find("would become larger") != std::string::npos);
}

TEST_CASE("RecordIO-protobuf answers are records with the label score") {
  const torch::Tensor answer = torch::tensor({{0.25f, 0.75f}, {1.0f, 0.0f}});
  std::string expected;
  for (const auto& row : {std::vector<float>{0.25, 0.75}, std::vector<float>{1, 0}})
    sagemaker::formats::append_recordio(
        expected, field(2, field(1, "score") + field(2, field(2, field(1, floats(row))))));
  CHECK(encode_recordio(answer) == expected);
  CHECK(encode(answer, "application/x-recordio-protobuf").body == expected);
  CHECK(encode_recordio(torch::ones({2, 3, 4})).find(field(3, "\x03\x04")) != std::string::npos);
  CHECK(encode_recordio(torch::zeros({0, 3})).empty());
}

TEST_CASE("tensor/pt is what libtorch's own pickle reads and writes") {
  for (const auto type : {torch::kFloat, torch::kDouble, torch::kHalf, torch::kBFloat16, torch::kByte,
                          torch::kChar, torch::kShort, torch::kInt, torch::kLong, torch::kBool}) {
    const torch::Tensor tensor = torch::tensor({{0.0f, 1.0f}, {1.0f, 0.0f}, {1.0f, 1.0f}}).to(type).t();
    const std::string body = encode_torch(tensor);
    CHECK(torch::equal(decode_torch(body), tensor));
    CHECK((decode_torch(body).scalar_type() == type));
    const torch::Tensor theirs = torch::pickle_load({body.begin(), body.end()}).toTensor();
    CHECK(torch::equal(theirs, tensor));
    const std::vector<char> written = torch::pickle_save(tensor);
    const torch::Tensor ours = decode(std::string_view(written.data(), written.size()), "tensor/pt");
    CHECK(torch::equal(ours, tensor));
    CHECK(ours.is_contiguous());
  }
  for (const torch::Tensor& tensor : {torch::tensor(1.5f), torch::zeros({0, 3}), torch::ones({2, 1, 300})}) {
    CHECK(torch::equal(decode_torch(encode_torch(tensor)), tensor));
    const std::string body = encode_torch(tensor);
    CHECK(torch::equal(torch::pickle_load({body.begin(), body.end()}).toTensor(), tensor));
  }
  CHECK_THROWS_AS(encode_torch(torch::ones({1}, torch::kComplexFloat)), std::runtime_error);
}

TEST_CASE("tensor/pt that is damaged, hostile or not one tensor is refused") {
  check_damaged(encode_torch(torch::ones({2, 3})), "tensor/pt");
  const auto written = [](const c10::IValue& value) {
    const std::vector<char> bytes = torch::pickle_save(value);
    return std::string(bytes.begin(), bytes.end());
  };
  const auto why = [](const std::string& body) { return refusal([&] { decode_torch(body); }).second; };
  CHECK(why(written(std::vector<torch::Tensor>{torch::ones({1})})).starts_with("invalid tensor/pt input: "));
  CHECK(why(written(7)) == "invalid tensor/pt input: it is not one dense tensor");
  std::ostringstream script;
  torch::save(torch::ones({2}), script);
  CHECK(why(script.str()).find("it is TorchScript") != std::string::npos);
  CHECK(why("\x80\x02.").find("it is not what torch.save writes") != std::string::npos);

  // A pickle that calls something, and shapes that do not fit the storage.
  const auto archive = [](const std::string& pickle, const std::string& data) {
    codec::ZipWriter zip;
    zip.add("a/data.pkl", pickle);
    zip.add("a/data/0", data);
    return zip.finish();
  };
  CHECK(why(archive("\x80\x02"
                    "cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
                    "1234"))
            .starts_with("invalid tensor/pt"));
  CHECK(why(archive(std::string(5000, '('), "")).find("larger than that of a tensor") != std::string::npos);
  const auto tensor = [&](const std::string& shape_and_strides) {
    return archive(
        "\x80\x02"
        "ctorch._utils\n_rebuild_tensor_v2\n((X\x07" +
            std::string(3, '\0') + "storagectorch\nFloatStorage\nX\x01" + std::string(3, '\0') + "0X\x03" +
            std::string(3, '\0') + std::string("cpuK\x01tQK\x00", 9) + shape_and_strides + "\x89NtR.",
        "1234");
  };
  CHECK(refusal([&] { decode_torch(tensor(std::string("K\x01\x85K\x01\x85"))); }).first == 0);
  CHECK(why(tensor("K\x02\x85K\x01\x85")).find("does not fit its storage") != std::string::npos);
  CHECK(why(tensor("J\xFF\xFF\xFF\x7F\x85K" + std::string(1, '\0') + "\x85")).find("would become larger") !=
        std::string::npos);
  CHECK(why(tensor("J\xFF\xFF\xFF\xFF\x85K\x01\x85")).find("a shape cannot be read") != std::string::npos);
}

TEST_CASE("pictures become what torchvision's ToTensor makes of them") {
  const torch::Tensor grey =
      decode(png(3, 2, 0, std::string("\0\x00\x33\x66\0\x99\xCC\xFF", 8)), "image/png");
  CHECK(torch::allclose(grey, torch::tensor({{0.0f, 0.2f, 0.4f}, {0.6f, 0.8f, 1.0f}}).view({1, 1, 2, 3})));
  const std::string rgb = png(2, 1, 2, std::string("\0\xFF\x00\x33\x00\xFF\x66", 7));
  const torch::Tensor color = decode(rgb, "application/x-image");
  CHECK(torch::allclose(color, torch::tensor({1.0f, 0.0f, 0.0f, 1.0f, 0.2f, 0.4f}).view({1, 3, 1, 2})));
  CHECK(shape(decode(png(1, 1, 6, std::string("\0\1\2\3\4", 5)), "image/png")) == Shape{1, 3, 1, 1});
  CHECK(shape(decode(rgb, "image/png; channels=1")) == Shape{1, 1, 1, 2});
  CHECK(shape(decode(png(1, 1, 0, std::string("\0\1", 2)), "image/png;channels=3")) == Shape{1, 3, 1, 1});
  CHECK(refusal([&] { decode(rgb, "image/png; channels=2"); }).first == 400);
  const torch::Tensor photo = decode(sagemaker::aws::base64_decode(grey_jpeg).value(), "image/jpeg");
  CHECK(shape(photo) == Shape{1, 1, 8, 8});
  CHECK(photo.std().item<float>() < 0.01f);
}

TEST_CASE("pictures that are damaged or hostile are refused") {
  const std::string good = png(2, 2, 2, std::string("\0\1\2\3\4\5\6\0\1\2\3\4\5\6", 14));
  check_damaged(good.substr(0, good.size() - 12), "image/png");
  CHECK(refusal([] { decode("GIF89a", "image/png"); }).second ==
        "invalid image input: it is neither PNG nor JPEG");
  CHECK(refusal([] { decode("", "image/jpeg"); }).first == 400);
  for (const auto& [width, height] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {16u << 20, 16u << 20}, {0xFFFFFFFF, 0xFFFFFFFF}, {8193, 1}, {0, 1}, {8192, 8192}}) {
    CAPTURE(width);
    CHECK(refusal([&, w = width, h = height] { decode(png(w, h, 2, "tiny"), "image/png"); }).first == 400);
  }
  // One pixel, whose data becomes 64 MB: refused before that.
  CHECK(refusal([] { decode(png(1, 1, 0, std::string(std::size_t{64} << 20, '\0')), "image/png"); }).second ==
        "invalid image input: outofmem");
  const std::string jpeg = sagemaker::aws::base64_decode(grey_jpeg).value();
  // A Huffman table with 16 * 255 codes, which older stb_images write behind the end of theirs.
  const std::string table = std::string("\xFF\xC4\xFF\xFF\x10", 5) + std::string(16, '\xFF');
  CHECK(refusal([&] {
          decode(jpeg.substr(0, 2) + table + std::string(0xFFFF - 19, 'x') + jpeg.substr(2), "image/jpeg");
        }).second == "invalid image input: the JPEG has a Huffman table of more than 256 codes");
  const std::string comment =
      std::string("\xFF\xFE\x00\x17", 4) + table;  // the same bytes, where they mean nothing
  CHECK(torch::equal(decode(jpeg.substr(0, 2) + comment + jpeg.substr(2) + table, "image/jpeg"),
                     decode(jpeg, "image/jpeg")));
  // Without its Huffman tables it is read with tables of zeros, not with what happens to be in memory.
  std::string bare = jpeg;
  for (auto at = bare.find("\xFF\xC4"); at != std::string::npos; at = bare.find("\xFF\xC4"))
    bare.erase(
        at, 2 + (static_cast<unsigned char>(bare[at + 2]) << 8 | static_cast<unsigned char>(bare[at + 3])));
  CHECK(bare.size() < jpeg.size());
  const auto outcome = refusal([&] { decode(bare, "image/jpeg"); });
  CHECK((outcome.first == 0 || outcome.first == 400));
  CHECK(refusal([&] { CHECK(torch::equal(decode(bare, "image/jpeg"), decode(bare, "image/jpeg"))); }) ==
        outcome);
  std::minstd_rand random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = jpeg;
    bad[random() % bad.size()] = static_cast<char>(random());
    const int status = refusal([&] { decode(bad.substr(0, 1 + random() % bad.size()), "image/jpeg"); }).first;
    CHECK((status == 0 || status == 400));
  }
}
