// sagemaker-torchscript-server: serves a TorchScript model that has no code with it. It is what a compiled
// entry point without hooks would be, compiled when the project is built: model.pt, or the only *.pt or *.pth
// of the model's folder, answers in every format of codecs.hpp.
#include <sagemaker/container.hpp>

int main(int argc, char** argv) { return sagemaker::container::run(argc, argv, {}); }
