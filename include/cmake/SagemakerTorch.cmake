# Which libtorch: Torch_DIR or CMAKE_PREFIX_PATH, then the system's, then the one inside an installed Python torch.
# Gives sagemaker::torch (absent, with a message, where there is none: the clients and the emulator do not need it).
if(NOT TARGET sagemaker::torch)
  find_package(Torch QUIET)
  if(NOT Torch_FOUND)
    find_program(SAGEMAKER_PYTHON3 python3)
    if(SAGEMAKER_PYTHON3)
      execute_process(
        COMMAND "${SAGEMAKER_PYTHON3}" -c "import torch; print(torch.utils.cmake_prefix_path)"
        OUTPUT_VARIABLE _sagemaker_torch_prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      if(_sagemaker_torch_prefix)
        find_package(Torch QUIET PATHS "${_sagemaker_torch_prefix}")
      endif()
    endif()
  endif()
  if(Torch_FOUND)
    add_library(sagemaker::torch INTERFACE IMPORTED GLOBAL)
    target_link_libraries(sagemaker::torch INTERFACE ${TORCH_LIBRARIES})
    # A Python torch may be built with the old string ABI and says so in its flags.
    separate_arguments(_sagemaker_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
    target_compile_options(sagemaker::torch INTERFACE ${_sagemaker_torch_flags})
    set(SAGEMAKER_HAS_TORCH TRUE)
  else()
    set(SAGEMAKER_HAS_TORCH FALSE)
    message(STATUS "sagemaker: no libtorch found; sagemaker::container and what needs it are left out")
  endif()
endif()
