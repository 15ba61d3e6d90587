# Python script mode: its program against a folder of its own, without the emulator.
if(SAGEMAKER_BUILD_EMULATOR)
  foreach(name image serving models)
    sagemaker_test(toolkit_python_${name} SOURCES python_${name}.cpp LINKS sagemaker_python_image
      LABELS toolkit TIMEOUT 300)
    target_compile_definitions(test_toolkit_python_${name} PRIVATE
      PYTHON_IMAGE_PROGRAM="$<TARGET_FILE:sagemaker-python-image>")
    add_dependencies(test_toolkit_python_${name} sagemaker-python-image)
  endforeach()
endif()
