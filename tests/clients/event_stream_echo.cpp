// Reads an event stream from standard input and writes its messages anew to standard output.
// botocore_event_stream.py compares what botocore makes of both.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include <sagemaker/aws/event_stream.hpp>

int main() {
  using namespace sagemaker::aws::event_stream;
  try {
    Decoder decoder;
    std::string piece(1'000, '\0');
    while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), stdin)) {
      decoder.feed(std::string_view(piece).substr(0, count));
      while (const auto message = decoder.next()) {
        const std::string bytes = encode(*message);
        std::fwrite(bytes.data(), 1, bytes.size(), stdout);
      }
    }
    return decoder.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
