// "train": reads the environment, calls the hooks train and save, and tells the platform how it went. An
// exception becomes /opt/ml/output/failure (what the job's FailureReason shows) and exit code 1. After
// distributed::init on several hosts only the master calls save.
#pragma once

#include <exception>
#include <filesystem>
#include <string>

#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/hooks.hpp>
#include <sagemaker/container/linkage.hpp>
#include <sagemaker/container/stop.hpp>

namespace sagemaker::container {

// Returns the exit code: 0, or 1 after an exception. `command` is what the failure file names as the command.
SAGEMAKER_CONTAINER_FUNCTION int run_training(const Hooks& hooks, const std::string& command);

// Writes what an exception says as the training toolkit does; a failure file that is there already stays as
// it is.
SAGEMAKER_CONTAINER_FUNCTION void write_failure(const std::filesystem::path& output_dir,
                                                const std::string& text);

namespace detail {
SAGEMAKER_CONTAINER_FUNCTION std::string describe_exception(std::exception_ptr error);  // "type: what()"
}

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/training.hpp>
#endif
