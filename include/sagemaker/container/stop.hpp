// How a training program learns that it is to end. SageMaker sends SIGTERM (StopTrainingJob, the time limit,
// early stopping) and SIGKILL 120 seconds later; what lies in /opt/ml/model by then is still uploaded.
//
// A program that asks stop_requested() gets that time. One that never asks is ended by SIGTERM after ten
// seconds, because nothing would come of waiting longer. SAGEMAKER_TRAINING_STOP_GRACE (seconds) changes the
// 110 that asking programs get.
#pragma once

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION bool stop_requested();

namespace detail {
// Installs the SIGTERM handling above. After it the process ends by itself `grace_s` seconds after SIGTERM at
// the latest.
SAGEMAKER_CONTAINER_FUNCTION void watch_for_stop(unsigned grace_s);
}  // namespace detail

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/stop.hpp>
#endif
