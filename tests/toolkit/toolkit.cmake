# The container toolkit. Files that include libtorch share the precompiled header of the sagemaker-cpp image.
sagemaker_test(toolkit_environment SOURCES environment.cpp LABELS unit toolkit)
sagemaker_test(toolkit_http_connection SOURCES http_connection.cpp LABELS unit toolkit)

if(SAGEMAKER_HAS_TORCH AND SAGEMAKER_BUILD_EMULATOR)
  foreach(part tensors codecs batcher)
    sagemaker_test(toolkit_${part} SOURCES ${part}.cpp LINKS sagemaker_cpp_toolkit LABELS toolkit torch)
    target_precompile_headers(test_toolkit_${part} REUSE_FROM sagemaker_cpp_toolkit)
  endforeach()

  add_executable(toolkit_contract programs/contract.cpp)
  sagemaker_cpp_program(toolkit_contract)
  foreach(part training serving serving_batch serving_http serving_hooks serving_models)
    sagemaker_test(toolkit_${part} SOURCES ${part}.cpp LABELS toolkit torch TIMEOUT 300)
    target_compile_definitions(test_toolkit_${part} PRIVATE CONTRACT_PROGRAM="$<TARGET_FILE:toolkit_contract>")
    add_dependencies(test_toolkit_${part} toolkit_contract)
  endforeach()

  # Bodies of other people's writers: Debian's Python has NumPy, SciPy, PyTorch, Pillow; another one the SageMaker SDK.
  add_executable(toolkit_codec programs/codec.cpp)
  sagemaker_cpp_program(toolkit_codec)
  set(sdk_python "${CMAKE_BINARY_DIR}/tests/clients/installed/sagemaker_sdk/bin/python")
  foreach(python /usr/bin/python3 "${sdk_python}")
    set(name toolkit_foreign_codecs)
    if(python STREQUAL sdk_python)
      set(name toolkit_foreign_codecs_sdk)
    endif()
    add_test(NAME ${name} COMMAND sh -c
      "test -x '${python}' || { echo 'SKIPPED: there is no ${python}'; exit 77; }
       exec '${python}' '${CMAKE_CURRENT_SOURCE_DIR}/foreign_codecs.py'")
    sagemaker_test_properties(${name} LABELS toolkit torch clients TIMEOUT 300)
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
      "CODEC_PROGRAM=$<TARGET_FILE:toolkit_codec>" "PYTHONDONTWRITEBYTECODE=1")
  endforeach()
  set_property(TEST toolkit_foreign_codecs_sdk PROPERTY FIXTURES_REQUIRED sagemaker_sdk)

  sagemaker_test(toolkit_image SOURCES image.cpp LINKS sagemaker_cpp_image LABELS toolkit torch TIMEOUT 600)
  target_compile_definitions(test_toolkit_image PRIVATE IMAGE_PROGRAM="$<TARGET_FILE:sagemaker-cpp-image>")
  add_dependencies(test_toolkit_image sagemaker-cpp-image sagemaker_cpp_sample)
endif()
