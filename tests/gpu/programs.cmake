# Programs that only make sense where there is a GPU; run.sh builds them, through torch.cmake beside this file.
function(gpu_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  sagemaker_own_code(${name})
endfunction()

gpu_program(gpu_device_check "${PROJECT_SOURCE_DIR}/tests/gpu/device_check.cpp")
target_link_libraries(gpu_device_check PRIVATE sagemaker::container)
gpu_program(gpu_mnist "${PROJECT_SOURCE_DIR}/samples/01_mnist/mnist.cpp")
target_link_libraries(gpu_mnist PRIVATE sagemaker::container)
gpu_program(gpu_digits "${PROJECT_SOURCE_DIR}/tests/gpu/digits.cpp"
  "${PROJECT_SOURCE_DIR}/samples/01_mnist/rendered_digits.cpp")
target_link_libraries(gpu_digits PRIVATE sagemaker::sagemaker)
