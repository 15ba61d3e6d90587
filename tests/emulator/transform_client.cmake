# The client's Transformer against sagemaker-local.
add_executable(doubling_program programs/doubling.cpp)
target_link_libraries(doubling_program PRIVATE sagemaker::sagemaker)
sagemaker_own_code(doubling_program)
sagemaker_test(transform_client SOURCES transform_client.cpp LABELS emulator)
target_compile_definitions(test_transform_client PRIVATE DOUBLING_PROGRAM="$<TARGET_FILE:doubling_program>")
add_dependencies(test_transform_client sagemaker-local doubling_program)

# samples/04_batch_transform, with a part of the images.
if(SAGEMAKER_HAS_TORCH AND TARGET sample_04_batch_transform)
  sagemaker_test(batch_transform_sample SOURCES batch_transform.cpp LABELS emulator torch TIMEOUT 300)
  target_compile_definitions(test_batch_transform_sample PRIVATE
    SAMPLE_PROGRAM="$<TARGET_FILE:sample_04_batch_transform>")
  add_dependencies(test_batch_transform_sample sagemaker-local sample_04_batch_transform sagemaker_cpp_sample)
endif()
