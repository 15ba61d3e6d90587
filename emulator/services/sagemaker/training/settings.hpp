// How this emulator treats training jobs: what the command line says about them.
#pragma once

#include <chrono>

namespace sagemaker::local::services {

struct TrainingSettings {
  // Managed spot training: AWS takes instances away when it needs them. Here they are taken from a job on
  // demand, and by this schedule.
  struct Spot {
    std::chrono::milliseconds after{0};    // of training, in every attempt; 0: never by itself
    int times = 1;                         // interruptions of one job by the schedule
    std::chrono::milliseconds away{1000};  // until there are instances again
  } spot;
};

}  // namespace sagemaker::local::services
