# samples/03_byom: a model that was trained without SageMaker becomes an endpoint.
if(SAGEMAKER_HAS_TORCH AND SAGEMAKER_BUILD_SAMPLES)
  sagemaker_test(byom_sample SOURCES byom.cpp LABELS emulator torch TIMEOUT 300)
  target_compile_definitions(test_byom_sample PRIVATE
    TRAIN_PROGRAM="$<TARGET_FILE:sample_03_train>" SAMPLE_PROGRAM="$<TARGET_FILE:sample_03_byom>")
  add_dependencies(test_byom_sample sagemaker-local sample_03_train sample_03_byom sagemaker_cpp_sample)
endif()
