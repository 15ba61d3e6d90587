# Jobs on several hosts that talk to each other; the program of the hosts is the one of tests/toolkit.
find_path(SAGEMAKER_GLOO_HEADERS gloo/transport/device.h HINTS ${TORCH_INCLUDE_DIRS})
if(SAGEMAKER_HAS_TORCH AND SAGEMAKER_BUILD_SAMPLES AND SAGEMAKER_GLOO_HEADERS)
  sagemaker_test(distributed_jobs SOURCES distributed.cpp LABELS emulator torch TIMEOUT 300)
  target_compile_definitions(test_distributed_jobs PRIVATE
    HOST_PROGRAM="${CMAKE_BINARY_DIR}/bin/toolkit_distributed_host"
    SAMPLE_PROGRAM="$<TARGET_FILE:sample_02_distributed>")
  add_dependencies(test_distributed_jobs sagemaker-local toolkit_distributed_host sample_02_distributed
    sagemaker_cpp_sample)
endif()
