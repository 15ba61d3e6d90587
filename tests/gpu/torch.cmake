# Read by the project() command of the top CMakeLists.txt when run.sh configures (CMAKE_PROJECT_sagemaker_INCLUDE). Uses
# the libtorch inside the Python torch by its libraries alone: its own CMake package wants a whole CUDA toolkit, which a
# machine that only runs programs need not have. SAGEMAKER_TORCH_ROOT is the folder that holds include/ and lib/.
set(torch_includes "${SAGEMAKER_TORCH_ROOT}/include" "${SAGEMAKER_TORCH_ROOT}/include/torch/csrc/api/include")
file(GLOB torch_libraries "${SAGEMAKER_TORCH_ROOT}/lib/libtorch.so" "${SAGEMAKER_TORCH_ROOT}/lib/libtorch_c*.so"
  "${SAGEMAKER_TORCH_ROOT}/lib/libc10.so" "${SAGEMAKER_TORCH_ROOT}/lib/libc10_cuda.so")
list(FILTER torch_libraries EXCLUDE REGEX "_linalg|python")
if(NOT torch_libraries)
  message(FATAL_ERROR "no libtorch in ${SAGEMAKER_TORCH_ROOT}/lib")
endif()

add_library(sagemaker::torch INTERFACE IMPORTED GLOBAL)
target_include_directories(sagemaker::torch SYSTEM INTERFACE ${torch_includes})
target_compile_definitions(sagemaker::torch INTERFACE "_GLIBCXX_USE_CXX11_ABI=${SAGEMAKER_TORCH_CXX11_ABI}")
# The CUDA half registers itself when it is loaded; no symbol of it is used by name, so the linker must be told to keep
# it.
target_link_libraries(sagemaker::torch INTERFACE
  "-Wl,--push-state,--no-as-needed" ${torch_libraries} "-Wl,--pop-state" "-Wl,--allow-shlib-undefined")
set(SAGEMAKER_HAS_TORCH TRUE)

# After the whole tree is read: the programs of this folder need its targets and functions.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL include "${CMAKE_SOURCE_DIR}/tests/gpu/programs.cmake")
