// How the toolkit is linked. It is header-only: every function below is inline. The sagemaker-cpp image
// compiles the bodies (the headers under detail/) once into a library and defines
// SAGEMAKER_CONTAINER_COMPILED, so that compiling a user's script pays for the user's own code only.
#pragma once

#if defined(SAGEMAKER_CONTAINER_COMPILED)
#define SAGEMAKER_CONTAINER_FUNCTION
#else
#define SAGEMAKER_CONTAINER_FUNCTION inline
#endif
