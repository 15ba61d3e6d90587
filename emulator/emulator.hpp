// The emulator as one object: stores, images, runner, services and the pipeline, made in order and taken down
// in reverse.
#pragma once

#include <memory>
#include <string>

#include "emulator/options.hpp"

namespace sagemaker::local {

class Emulator {
 public:
  // Opens the data directory, binds the port and recovers what an earlier emulator left. std::runtime_error
  // says why not.
  explicit Emulator(const Options& options);
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  std::string url() const;  // http://127.0.0.1:4566, or https with TLS
  void serve();             // until stop()
  void stop();              // from any thread; waits until the endpoints are down, two seconds at most

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sagemaker::local
