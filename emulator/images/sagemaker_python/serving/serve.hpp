// "serve": what AWS's inference containers for Python do.
#pragma once

#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

// Until SIGTERM; the exit code. A model without code may become the prebuilt C++ server's, which then takes
// the place of this process.
int serve(const container::Variables& variables);

}  // namespace sagemaker::local::images
