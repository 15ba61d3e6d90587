// Everything of the toolkit that needs tensors and no process: codecs, data sets, batching, hooks. One file,
// because each one that includes libtorch costs a compiler a gigabyte.
// clang-format off: libtorch has a CHECK of its own, and doctest's is to be the one in use.
#include <sagemaker/container.hpp>
#include <sagemaker/container/batcher.hpp>
#undef CHECK
#include <doctest/doctest.h>
// clang-format on
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <zlib.h>

#include "tests/support/support.hpp"

using namespace sagemaker::container;
using sagemaker::tests::TemporaryDirectory;

namespace {

std::vector<std::int64_t> shape(const torch::Tensor& tensor) { return tensor.sizes().vec(); }

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

std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string out("\x93NUMPY", 6);
  out += version;
  out += '\0';
  const std::string text = header + "\n";
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  return out + text + data;
}

template <class T>
std::string bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string dictionary(const std::string& descr, const std::string& dimensions,
                       const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + dimensions + ", }";
}

}  // namespace

TEST_CASE("JSON keeps the shape that was sent") {
  CHECK(torch::equal(decode_json("[[1, 2], [3, 4]]"), torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}})));
  CHECK((decode_json("[[1, 2], [3, 4]]").scalar_type() == torch::kFloat32));
  CHECK(shape(decode_json("3.5")).empty());
  CHECK(decode_json("3.5").item<float>() == 3.5f);
  CHECK(shape(decode_json(" [ 1 , 2 ] \n")) == std::vector<std::int64_t>{2});
  CHECK(shape(decode_json("[[[[1, 2, 3]]], [[[4, 5, 6]]]]")) == std::vector<std::int64_t>{2, 1, 1, 3});
  CHECK(shape(decode_json("[]")) == std::vector<std::int64_t>{0});
  CHECK(shape(decode_json("[[], []]")) == std::vector<std::int64_t>{2, 0});
  CHECK(torch::equal(decode_json("[true, false, -1e2, 0.25, -0]"),
                     torch::tensor({1.0f, 0.0f, -100.0f, 0.25f, -0.0f})));
}

TEST_CASE("JSON in an envelope") {
  CHECK(shape(decode_json(R"({"instances": [[1, 2]]})")) == std::vector<std::int64_t>{1, 2});
  CHECK(shape(decode_json(R"({"inputs": [1]})")) == std::vector<std::int64_t>{1});
  CHECK(shape(decode_json(R"({"signature": {"a]": ["\"}", {}]}, "instances": [[1, 2]], "n": null})")) ==
        std::vector<std::int64_t>{1, 2});
  CHECK(shape(decode_json(R"({"data": {"features": {"values": [1, 2]}}})")) == std::vector<std::int64_t>{2});
  CHECK(torch::equal(decode_json(R"({"instances": [{"features": [1, 2]}, {"id": 7, "features": [3, 4]}]})"),
                     torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}})));
  CHECK(refusal([] {
          decode_json(R"({"rows": [1], "more": 2})");
        }).second.ends_with(R"(this one has "rows", "more" (byte 24))"));
  CHECK(refusal([] {
          decode_json(R"([{"features": {"keys": [3], "shape": [9], "values": [1]}}])");
        }).second.find("recordio-protobuf, not from JSON") != std::string::npos);
  CHECK(refusal([] { decode_json("{}"); }).first == 400);
  CHECK(refusal([] { decode_json(R"({"instances": [1], "inputs": [1]})"); }).first == 400);
}

TEST_CASE("numbers that Python's json reads and writes") {
  const torch::Tensor read = decode_json("[NaN, Infinity, -Infinity, 1e400, -1e400, 1e-400]");
  CHECK(std::isnan(read[0].item<float>()));
  CHECK(read[1].item<float>() == std::numeric_limits<float>::infinity());
  CHECK(read[2].item<float>() == -std::numeric_limits<float>::infinity());
  CHECK(read[3].item<float>() == std::numeric_limits<float>::infinity());
  CHECK(read[4].item<float>() == -std::numeric_limits<float>::infinity());
  CHECK(read[5].item<float>() == 0.0f);
  CHECK(encode_json(read.slice(0, 0, 3)) == "[NaN, Infinity, -Infinity]");
}

TEST_CASE("JSON that is no tensor is refused with its place") {
  for (const char* text : {"",
                           "  ",
                           "[1, 2",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[1]]",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[+1]",
                           "[-]",
                           "[nan]",
                           "[\"1\"]",
                           "[null]",
                           "[{}]",
                           "[[1, 2], [3]]",
                           "[[1], 2]",
                           "[1, [2]]",
                           "[[], [1]]",
                           "[[1], []]",
                           "[[[1]], [1]]",
                           "{\"instances\": [1]",
                           "{\"instances\" [1]}",
                           "{\"a\": [}",
                           "nonsense",
                           "{\"instances\": }"}) {
    CAPTURE(text);
    const auto [status, message] = refusal([&] { decode_json(text); });
    CHECK(status == 400);
    CHECK(message.find("(byte ") != std::string::npos);
  }
  CHECK(refusal([] { decode_json("[[1, 2, 3], [4, 5]]"); }).second ==
        "invalid JSON input: the arrays do not form a tensor: arrays of 3 and of 2 items at the same level "
        "(byte 18)");
  const std::string deep(100'000, '[');
  CHECK(refusal([&] { decode_json(deep); }).first == 400);
  CHECK(refusal([&] { decode_json("{\"a\": " + deep + "}"); }).first == 400);
  CHECK(refusal([] { decode_json(std::string_view("{\"a\": [\0]}", 10)); }).first == 400);  // ends at all
}

TEST_CASE("JSON answers have the fewest digits that read back") {
  CHECK(encode_json(torch::tensor({0.1f, 1.0f, -2.5f, 1e-5f, 16777216.0f})) ==
        "[0.1, 1.0, -2.5, 1e-05, 16777216.0]");
  CHECK(encode_json(torch::tensor({0.1}, torch::kFloat64)) == "[0.1]");
  CHECK(encode_json(torch::tensor({{1, 2}, {3, 4}}, torch::kInt64)) == "[[1, 2], [3, 4]]");
  CHECK(encode_json(torch::tensor({true, false})) == "[true, false]");
  CHECK(encode_json(torch::tensor(2.0f)) == "2.0");
  CHECK(encode_json(torch::zeros({2, 0})) == "[[], []]");
  CHECK(encode_json(torch::ones({1}, torch::kHalf)) == "[1.0]");
  CHECK(encode_json(torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}}).t()) == "[[1.0, 3.0], [2.0, 4.0]]");
  torch::manual_seed(7);
  const torch::Tensor random = torch::randn({100, 7}) * torch::pow(10.0, torch::randint(-30, 30, {100, 7}));
  CHECK(torch::equal(decode_json(encode_json(random)), random));
}

TEST_CASE("a line of CSV is a row") {
  CHECK(torch::equal(decode_csv("1,2\r\n3,4\r\n\r\n"), torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}})));
  CHECK(shape(decode_csv("5")) == std::vector<std::int64_t>{1, 1});
  CHECK(torch::equal(decode_csv(" 1 ,\"2\",+3,-4e1"), torch::tensor({{1.0f, 2.0f, 3.0f, -40.0f}})));
  CHECK(std::isnan(decode_csv("1,,3\n")[0][1].item<float>()));
  CHECK(refusal([] { decode_csv("1,2\n3,x4\n"); }).second ==
        "invalid CSV input: 'x4' in line 2, column 2 is not a number");
  CHECK(refusal([] { decode_csv("1,2\n\n3\n"); }).second ==
        "invalid CSV input: line 3 has 1 columns, the lines before it 2");
  CHECK(refusal([] { decode_csv("\n\n"); }).first == 400);
  CHECK(encode_csv(torch::tensor({{0.1f, 2.0f}, {-3.0f, 4.0f}})) == "0.1,2.0\n-3.0,4.0\n");
  CHECK(encode_csv(torch::tensor({1, 2}, torch::kInt64)) == "1\n2\n");
  CHECK(encode_csv(torch::tensor({NAN, INFINITY})) == "nan\ninf\n");
  CHECK(refusal([] { encode_csv(torch::zeros({1, 1, 1})); }).first == 406);
}

TEST_CASE("NPY of every type, both orders, all versions") {
  for (const char version : {1, 2, 3}) {
    const torch::Tensor read =
        decode_npy(npy(dictionary("<f4", "(2, 2)"), bytes<float>({1, 2, 3, 4}), version));
    CHECK(torch::equal(read, torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}})));
  }
  CHECK(torch::equal(decode_npy(npy(dictionary("<f4", "(2, 2)", "True"), bytes<float>({1, 3, 2, 4}))),
                     torch::tensor({{1.0f, 2.0f}, {3.0f, 4.0f}})));
  CHECK(torch::equal(decode_npy(npy(dictionary(">i2", "(2,)"), std::string("\x01\x02\xff\xfe", 4))),
                     torch::tensor({258, -2}, torch::kShort)));
  CHECK(torch::equal(decode_npy(npy(dictionary("<f8", "()"), bytes<double>({0.1}))),
                     torch::tensor(0.1, torch::kFloat64)));
  CHECK(torch::equal(decode_npy(npy(dictionary("<f2", "(1,)"), std::string("\x00\x3c", 2))),
                     torch::ones({1}, torch::kHalf)));
  CHECK(torch::equal(decode_npy(npy(dictionary("|u1", "(2,)"), "\x01\xff")),
                     torch::tensor({1, 255}, torch::kByte)));
  CHECK(torch::equal(decode_npy(npy(dictionary("|b1", "(2,)"), std::string("\x00\x07", 2))),
                     torch::tensor({false, true})));
  CHECK(torch::equal(decode_npy(npy(dictionary("<u2", "(1,)"), "\xff\xff")),
                     torch::tensor({65535}, torch::kInt)));
  CHECK(torch::equal(decode_npy(npy(dictionary("<u4", "(1,)"), "\xff\xff\xff\xff")),
                     torch::tensor({4294967295}, torch::kLong)));
  CHECK(torch::equal(decode_npy(npy(dictionary("<i8", "(1,)"), bytes<std::int64_t>({-5}))),
                     torch::tensor({-5}, torch::kLong)));
  CHECK(shape(decode_npy(npy(dictionary("<f4", "(0, 3)"), ""))) == std::vector<std::int64_t>{0, 3});
}

TEST_CASE("NPY that is damaged or not supported is refused") {
  const std::string good = npy(dictionary("<f4", "(2, 2)"), bytes<float>({1, 2, 3, 4}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(refusal([&] { decode_npy(good.substr(0, size)); }).first == 400);
  }
  for (const std::string& header :
       {dictionary("<c8", "(1,)"), dictionary("|O", "(1,)"), dictionary("<U4", "(1,)"),
        dictionary("<f4", "(-1,)"), dictionary("<f4", "(9999999999, 9999999999, 9999999999)"),
        dictionary("<f4", "(4611686018427387904, 4)"), dictionary("<f4", "(1,)", "Maybe"),
        dictionary("<f4", "1"), std::string("{}"), std::string()}) {
    CAPTURE(header);
    CHECK(refusal([&] { decode_npy(npy(header, "12345678")); }).first == 400);
  }
  CHECK(refusal([] { decode_npy(npy(dictionary("<u8", "(1,)"), std::string(8, '\xff'))); }).first == 400);
  CHECK(refusal([] { decode_npy(npy(dictionary("<f4", "(1,)"), "1234", 9)); }).first == 400);
}

TEST_CASE("NPY answers are what NumPy writes") {
  const std::string text = encode_npy(torch::tensor({{1.0f, 2.0f}}));
  CHECK(text.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(text.substr(10, 60) == "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), } ");
  CHECK(text.size() == 128 + 8);
  CHECK(text[127] == '\n');
  CHECK(encode_npy(torch::zeros({3})).find("'shape': (3,), }") != std::string::npos);
  CHECK(encode_npy(torch::tensor(1.0f)).find("'shape': (), }") != std::string::npos);
  for (const auto type : {torch::kFloat, torch::kDouble, torch::kHalf, torch::kByte, torch::kChar,
                          torch::kShort, torch::kInt, torch::kLong, torch::kBool}) {
    const torch::Tensor tensor = torch::tensor({{0.0f, 1.0f}, {1.0f, 0.0f}, {1.0f, 1.0f}}).to(type).t();
    CHECK(torch::equal(decode_npy(encode_npy(tensor)), tensor));
    CHECK((decode_npy(encode_npy(tensor)).scalar_type() == type));
  }
  CHECK(torch::equal(decode_npy(encode_npy(torch::ones({2}, torch::kBFloat16))), torch::ones({2})));
}

TEST_CASE("the content type chooses the codec, Accept the answer") {
  CHECK(decode("1,2", "Text/CSV; label_size=0").dim() == 2);
  CHECK(decode("[1]", "").dim() == 1);
  CHECK(refusal([] { decode("x", "image/gif"); }) ==
        std::pair<int, std::string>(415,
                                    "Content type 'image/gif' is not supported; use one of "
                                    "application/json, application/jsonlines, text/csv, text/libsvm, "
                                    "application/x-recordio-protobuf, application/x-npy, "
                                    "application/x-npz, tensor/pt, image/png, image/jpeg, "
                                    "application/x-image, text/x-libsvm"));
  CHECK(refusal([] { decode("[1]", "application/json; charset=utf-16"); }).first == 415);
  CHECK(decode("\xEF\xBB\xBF[1]", "application/json; charset=\"UTF-8\"").dim() == 1);
  CHECK(shape(decode("spam,2,3\n", "text/csv; header=absent; label_size=1")) ==
        std::vector<std::int64_t>{1, 2});
  CHECK(refusal([] { decode("1,2", "text/csv;label_size=x"); }).first == 400);
  CHECK(refusal([] { decode("1,2", "text/csv;label_size=2"); }).second ==
        "invalid CSV input: line 1 has 2 columns and label_size is 2");
  const torch::Tensor one = torch::ones({1});
  CHECK(encode(one, "").content_type == "application/json");
  CHECK(encode(one, "*/*").content_type == "application/json");
  CHECK(encode(one, "*/*", "text/csv").body == "1.0\n");
  CHECK(encode(one, "image/png, text/csv;q=0.9, application/json").content_type == "application/json");
  CHECK(encode(one, "image/png, text/csv, application/json").content_type == "text/csv");
  CHECK(encode(one, "application/json;q=0.1, Text/CSV;q=0.5, */*;q=0.2").content_type == "text/csv");
  CHECK(encode(one, "text/csv;q=0, */*", "text/csv").content_type == "application/json");
  CHECK(encode(one, "*/*;q=0.1", "tensor/pt;q=0.5, application/x-npy").content_type == "application/x-npy");
  CHECK(encode(one, "application/*", "application/x-npy").content_type == "application/x-npy");
  CHECK(encode(one, "application/*", "text/csv").content_type == "application/json");
  CHECK(encode(one, "text/csv;q=nonsense").content_type == "text/csv");
  CHECK(encode(one, " , ,").content_type == "application/json");
  CHECK(encode(one, "application/x-npy").content_type == "application/x-npy");
  CHECK(encode(one, "text/*").content_type == "text/csv");
  CHECK(refusal([&] { encode(one, "image/png, text/html"); }).first == 406);
  CHECK(refusal([&] { encode(one, "application/json;q=0"); }).first == 406);
  CHECK(refusal([&] { encode(one, "x/y"); }).second ==
        "Accept 'x/y' is not supported; use one of application/json, text/csv, application/x-npy, "
        "application/jsonlines, application/x-recordio-protobuf, tensor/pt");
}

TEST_CASE("idx files, plain and compressed, and what is wrong with damaged ones") {
  const TemporaryDirectory folder;
  const std::string images("\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x00\xff\x33\x66", 20);
  const std::string labels("\0\0\x08\x01\0\0\0\x02\x07\x03", 10);
  std::ofstream(folder / "train-images-idx3-ubyte", std::ios::binary) << images;
  const gzFile packed = ::gzopen((folder / "train-labels-idx1-ubyte.gz").c_str(), "wb");
  ::gzwrite(packed, labels.data(), static_cast<unsigned>(labels.size()));
  ::gzclose(packed);
  const LabelledImages read = read_mnist(folder.path(), "train");
  CHECK(shape(read.images) == std::vector<std::int64_t>{2, 1, 1, 2});
  CHECK(read.images[0][0][0][1].item<float>() == 1.0f);
  CHECK(read.images[1][0][0][0].item<float>() == doctest::Approx(0.2));
  CHECK(torch::equal(read.labels, torch::tensor({7, 3}, torch::kLong)));
  std::ofstream(folder / "ints", std::ios::binary)
      << std::string("\0\0\x0C\x01\0\0\0\x01\x00\x00\x01\x02", 12);
  CHECK(torch::equal(read_idx(folder / "ints"), torch::tensor({258}, torch::kInt)));

  CHECK_THROWS_WITH(read_mnist(folder.path(), "t10k"), doctest::Contains("no t10k-images-idx3-ubyte or"));
  for (const std::string& bad :
       {images.substr(0, 19), images.substr(0, 3), images + "x", std::string("PK\x03\x04"),
        std::string("\0\0\x07\x01\0\0\0\x00", 8), std::string()}) {
    std::ofstream(folder / "bad", std::ios::binary) << bad;
    CHECK_THROWS_WITH(read_idx(folder / "bad"), doctest::Contains("bad"));
  }
  CHECK_THROWS_AS(read_idx(folder / "absent"), std::runtime_error);
}

TEST_CASE("hooks that name different models do not fit together") {
  using Linear = torch::nn::Linear;
  const auto train = [](const TrainingEnvironment&) { return Linear(2, 1); };
  const auto save = [](const Linear&, const std::filesystem::path&) {};
  const auto load = [](const std::filesystem::path&, torch::Device) { return Linear(2, 1); };
  const auto predict = [](const torch::Tensor& batch, Linear& model) { return model->forward(batch); };
  const auto other_predict = [](const torch::Tensor& batch, torch::jit::Module&) { return batch; };
  const auto transform = [](Linear&, const std::string& body, const std::string&, const std::string&) {
    return body;
  };
  CHECK_NOTHROW(check_hooks({.train = train, .save = save, .model_fn = load, .predict_fn = predict}));
  CHECK_NOTHROW(check_hooks(
      {.train = train, .predict_fn = other_predict}));  // training may save another kind than it serves
  CHECK_NOTHROW(check_hooks({.model_fn = load, .transform_fn = transform}));
  CHECK_THROWS_WITH_AS(check_hooks({.model_fn = load, .predict_fn = other_predict}),
                       doctest::Contains("predict_fn must take what model_fn returns"),
                       std::invalid_argument);
  CHECK_THROWS_AS(check_hooks({.predict_fn = predict, .transform_fn = transform}), std::invalid_argument);
  CHECK_THROWS_AS(check_hooks({.train = [](const TrainingEnvironment&) {}, .save = save}),
                  std::invalid_argument);
}
