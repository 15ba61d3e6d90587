# The container toolkit. Files that include libtorch share the precompiled header of the sagemaker-cpp image.
sagemaker_test(toolkit_environment SOURCES environment.cpp LABELS unit toolkit)

if(SAGEMAKER_HAS_TORCH AND SAGEMAKER_BUILD_EMULATOR)
  foreach(part tensors codecs batcher)
    sagemaker_test(toolkit_${part} SOURCES ${part}.cpp LINKS sagemaker_cpp_toolkit LABELS toolkit torch)
    target_precompile_headers(test_toolkit_${part} REUSE_FROM sagemaker_cpp_toolkit)
  endforeach()

  add_executable(toolkit_contract programs/contract.cpp)
  sagemaker_cpp_program(toolkit_contract)
  foreach(part training serving serving_http serving_hooks serving_models)
    sagemaker_test(toolkit_${part} SOURCES ${part}.cpp LABELS toolkit torch TIMEOUT 300)
    target_compile_definitions(test_toolkit_${part} PRIVATE CONTRACT_PROGRAM="$<TARGET_FILE:toolkit_contract>")
    add_dependencies(test_toolkit_${part} toolkit_contract)
  endforeach()

  sagemaker_test(toolkit_image SOURCES image.cpp LINKS sagemaker_cpp_image LABELS toolkit torch TIMEOUT 600)
  target_compile_definitions(test_toolkit_image PRIVATE IMAGE_PROGRAM="$<TARGET_FILE:sagemaker-cpp-image>")
  add_dependencies(test_toolkit_image sagemaker-cpp-image sagemaker_cpp_sample)
endif()
