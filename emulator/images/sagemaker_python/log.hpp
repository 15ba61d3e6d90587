// Lines of the image itself in its log, in the form of AWS's training toolkit.
#pragma once

#include <string>

namespace sagemaker::local::images {

// Levels of Python's logging.
constexpr int log_info = 20, log_error = 40;

// Less than this is not shown (the hyperparameter sagemaker_container_log_level).
void set_log_level(int level);
// Instead of sagemaker-training-toolkit.
void set_log_name(const std::string& name);
void log_line(int level, const std::string& text);

}  // namespace sagemaker::local::images
