# samples/05_tuning, with a few training jobs on a part of the images.
if(SAGEMAKER_HAS_TORCH AND SAGEMAKER_BUILD_SAMPLES)
  sagemaker_test(tuning_sample SOURCES tuning_sample.cpp LABELS emulator torch TIMEOUT 300)
  target_compile_definitions(test_tuning_sample PRIVATE SAMPLE_PROGRAM="$<TARGET_FILE:sample_05_tuning>")
  add_dependencies(test_tuning_sample sagemaker-local sample_05_tuning sagemaker_cpp_sample)
endif()
