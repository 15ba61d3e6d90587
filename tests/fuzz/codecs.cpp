// The serving toolkit's readers of what strangers send to a model, as far as they need no libtorch: they end,
// stay inside their memory, and refuse with RequestError 400 or give what fits together.
#include <bit>
#include <memory>
#include <string>
#include <vector>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/container/detail/csv_reader.hpp>
#include <sagemaker/container/detail/json_reader.hpp>
#include <sagemaker/container/detail/libsvm_reader.hpp>
#include <sagemaker/container/detail/media_type.hpp>
#include <sagemaker/container/detail/pickle.hpp>
#include <sagemaker/container/detail/picture.hpp>
#include <sagemaker/container/detail/recordio.hpp>
#include <sagemaker/container/detail/zip_reader.hpp>
#include <sagemaker/container/detail/zip_writer.hpp>
#include <sagemaker/record_io.hpp>
#include <sagemaker/serializers.hpp>

#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

namespace codec = container::detail;

// False where the input is refused.
template <class Read>
bool accepted(Read&& read) {
  try {
    read();
    return true;
  } catch (const container::RequestError& error) {
    require(error.status() == 400, "what cannot be read is a bad request");
    require(error.what()[0] != '\0', "a refusal says why");
    return false;
  } catch (const formats::FormatError&) {  // the codec makes the bad request of it
    return false;
  }
}

void check_json(std::string_view input) {
  // Memory of exactly the promised size, so that the sanitizer sees one number too many.
  const std::size_t numbers_max = codec::JsonReader::numbers_max(input);
  const std::unique_ptr<float[]> numbers(new float[numbers_max]);
  codec::JsonReader reader(input);
  if (!accepted([&] { reader.read(numbers.get()); })) return;
  std::size_t items = 1;
  for (const std::int64_t size : reader.shape()) items *= static_cast<std::size_t>(size);
  require(reader.numbers_end() - numbers.get() == static_cast<std::ptrdiff_t>(items),
          "the shape has as many numbers as were read");
}

void check_csv(std::string_view input) {
  for (const std::int64_t label_size : {0, 1}) {
    const std::unique_ptr<float[]> numbers(new float[codec::CsvReader::numbers_max(input)]);
    codec::CsvReader reader(input, label_size);
    if (accepted([&] { reader.read(numbers.get()); }))
      require(reader.rows() > 0 && reader.columns() > 0, "what is read has rows and columns");
  }
}

void check_number(std::string_view input) {
  const char* const end = input.data() + input.size();
  float quick = 0, sure = 0;
  const char* const behind = codec::read_float_quickly(input.data(), end, quick);
  if (behind == nullptr) return;
  require(codec::read_float_surely(input.data(), end, sure) == behind, "both ways read the same text");
  require(std::bit_cast<std::uint32_t>(quick) == std::bit_cast<std::uint32_t>(sure), "as the same number");
}

void check_text(std::string_view input) {
  check_json(input);
  check_csv(input);
  check_number(input);
  accepted([&] {
    const codec::SparseRows rows = codec::LibSvmReader(input).read();
    const std::uint64_t columns = rows.columns(0);
    if (rows.rows() * columns > 65536) return;
    std::vector<float> dense(rows.rows() * columns);
    rows.fill(dense.data(), columns);
  });
  std::size_t places = 0;
  for (const char c : input) places += c == ',' || c == '\n';
  require(codec::count_bytes(input, ',', '\n') == places, "bytes are counted");
  const std::vector<std::string_view> supported = {"application/json", "text/csv"};
  const std::string_view chosen = codec::negotiate(codec::parse_accept(input), supported);
  require(chosen.empty() || chosen == supported[0] || chosen == supported[1], "a supported type is chosen");
}

void check_zip(std::string_view input) {
  accepted([&] {
    const codec::ZipReader archive(input, "archive");
    for (const codec::ZipEntry& entry : archive.entries()) {
      std::string buffer;
      if (entry.size < 65536)
        accepted(
            [&] { require(archive.content(entry, buffer).size() == entry.size, "content has its size"); });
    }
  });
  codec::ZipWriter writer;
  writer.add("name", input);
  const std::string written = writer.finish();
  const codec::ZipReader again(written, "archive");
  std::string buffer;
  require(again.content(*again.find("name"), buffer) == input, "what is written is read back");
}

// What the container takes for records, the client does as well.
void check_records(std::string_view input) {
  std::size_t count = 0;
  const bool read = accepted([&] {
    formats::RecordIoReader reader(input);
    std::string_view record;
    std::string buffer;
    for (; reader.next(record, buffer); ++count) codec::read_record(record);
  });
  try {
    const std::size_t records = decode_records(input).size();
    require(!read || records == count, "both sides find as many records");
  } catch (const SerializationError&) {
    require(!read, "both sides read the same records");
  }
}

// Answers that the client reads.
void check_answer(std::string_view input) {
  for (const std::string_view type : {"application/x-npy", "text/csv"}) {
    try {
      NumpyDeserializer().deserialize(input, type);
    } catch (const Error& error) {
      require(error.what()[0] != '\0', "a refusal says why");
    }
  }
}

void check_binary(std::string_view input) {
  check_zip(input);
  check_records(input);
  accepted([&] { codec::PickleReader(input).read(); });
  accepted([&] { codec::read_record(input); });
#if defined(SAGEMAKER_HAS_STB_IMAGE)
  accepted([&] {
    const codec::Picture picture = codec::read_picture(input, 0);
    const auto bytes = static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height) *
                       static_cast<std::size_t>(picture.channels);
    std::size_t sum = 0;
    for (std::size_t i = 0; i < bytes; ++i) sum += picture.pixels.get()[i];
    require(sum <= bytes * 255, "all pixels are there");
  });
#endif
}

std::string zip_seed() {
  codec::ZipWriter writer;
  writer.add("archive/data.pkl", "\x80\x02.");
  writer.add("archive/data/0", "1234");
  return writer.finish();
}

std::string record_seed() {
  std::string out;
  const std::vector<float> values = {1, 2};
  formats::append_recordio(out, codec::record_with_label("score", values.data(), values.size(), {2, 1}));
  return out;
}

std::string pickle_seed() {
  codec::PickleWriter writer;
  writer.name("torch._utils", "_rebuild_tensor_v2");
  writer.opcodes("((");
  writer.text("storage");
  writer.name("torch", "FloatStorage");
  writer.opcodes("tQ");
  writer.integers({1, std::int64_t{1} << 40});
  writer.opcodes("\x89q\x01h\x01\x85tR");
  return writer.finished();
}

// Pictures of 8 by 8 pixels by libjpeg (grey, progressive) and libpng (palette with transparency).
const char* const jpeg_seed =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/"
    "2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/"
    "wgALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//aAAgBAQAAAAEf/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABBQJ/"
    "/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAGPwJ//8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPyF//"
    "9oACAEBAAAAEP8A/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxB//9k=";
const char* const png_seed =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQMAAAD+"
    "wSzIAAAABlBMVEUBAgMEBQaVU29IAAAAAXRSTlMAQObYZgAAAA9JREFUeJxjYAADAQYoAAAAoAAR1t0XFgAAAABJRU5ErkJggg==";

std::string from_base64(const char* text) { return aws::base64_decode(text).value(); }

// Its data begins with a chunk of nothing.
std::string png_of_nothing() {
  constexpr std::size_t end_of_header = 33;
  return from_base64(png_seed).insert(end_of_header, std::string("\0\0\0\0IDAT\x35\xAF\x06\x1E", 12));
}

const Registered text({"codec_text",
                       check_text,
                       {"[[1, 2.5], [3e-4, NaN]]", R"({"instances": [{"features": [1]}, {"features": [2]}]})",
                        "1,2\r\n\"3\",\n", "1 0:0.5 7:1e3 # c\n0 qid:1 2:3", "16777217.0000001",
                        "0.30196078431372547", "text/csv;q=0.5, application/*;q=\"0.1\", */*;q=0"},
                       {"instances", "Infinity", "-Infinity", "values", "e-22", "\\\"", ";q=", "*/*",
                        "qid:"}});

const Registered binary({"codec_binary",
                         check_binary,
                         {zip_seed(), record_seed(), pickle_seed(), from_base64(jpeg_seed),
                          from_base64(png_seed), png_of_nothing(),
                          std::string("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", 16),
                          std::string("\xFF\xD8\xFF\xC0\0\x0B\x08\0\x01\0\x01\x01\x01\x11\0", 15)},
                         {"PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "IDAT", "IEND", "PLTE", "tRNS", "IHDR",
                          "\xFF\xDA", "\xFF\xC4", "\xFF\xDB", "\xFF\xC2", "\x0A\x23\xD7\xCE", "values"}});

const Registered answer({"codec_answer",
                         check_answer,
                         {NpyArray(std::vector<float>{1, 2}, {2, 1}).encode(), "a,\"b\"\n1,2\n"},
                         {"'fortran_order': True", "'descr': '>u8'", "(2, 0)"}});

}  // namespace
}  // namespace sagemaker::fuzz
