// The codecs as a program, so that other people's writers and readers can be tried on them.
//   toolkit_codec model FILE     saves TorchScript made in C++: 784 numbers a row to 10 probabilities
//   toolkit_codec                reads commands until its input ends: a line "decode LENGTH CONTENT_TYPE" or
//   "encode
//                                LENGTH ACCEPT", then so many bytes. decode answers with NPY, encode reads
//                                it. The answer is a line "STATUS LENGTH", then so many bytes; status 0, or a
//                                RequestError's.
#include <iostream>
#include <string>

#include <torch/script.h>

#include <sagemaker/container.hpp>

namespace {

using namespace sagemaker::container;

// The weights follow from a formula, so that a test can compute the answer.
void save_model(const std::string& file) {
  torch::jit::Module model("Net");
  model.register_parameter(
      "weight", torch::arange(7840).remainder(13).view({10, 784}).to(torch::kFloat32) / 1000, false);
  model.define(
      "def forward(self, x):\n  return torch.softmax(torch.matmul(torch.flatten(x, 1), self.weight.t()), "
      "1)\n");
  model.save(file);
}

void answer(int status, const std::string& body) {
  std::cout << status << ' ' << body.size() << '\n' << body << std::flush;
}

void execute(const std::string& command, const std::string& argument, const std::string& body) {
  try {
    answer(0, command == "decode" ? encode_npy(decode(body, argument))
                                  : encode(decode_npy(body), argument).body);
  } catch (const RequestError& error) {
    answer(error.status(), error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "model") {
    save_model(argv[2]);
    return 0;
  }
  std::string command, argument;
  std::size_t length = 0;
  while (std::cin >> command >> length && std::cin.get() && std::getline(std::cin, argument)) {
    std::string body(length, '\0');
    std::cin.read(body.data(), static_cast<std::streamsize>(length));
    execute(command, argument, body);
  }
  return 0;
}
