# Options of the project, and what all of its own code is compiled with. Consumers of the headers get none of it.
option(SAGEMAKER_BUILD_EMULATOR "Build sagemaker-local" ${PROJECT_IS_TOP_LEVEL})
option(SAGEMAKER_BUILD_SAMPLES "Build the samples" ${PROJECT_IS_TOP_LEVEL})
option(SAGEMAKER_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(SAGEMAKER_WERROR "Treat warnings in the project's own code as errors" ${PROJECT_IS_TOP_LEVEL})
set(SAGEMAKER_SANITIZE "" CACHE STRING "Sanitizers for the project's own code: address,undefined or thread")

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  # -O3 buys nothing here (libtorch, SQLite and OpenSSL do the work), compiles longer and makes g++ 12 warn of ghosts.
  string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  set(CMAKE_CXX_STANDARD 20)
  set(CMAKE_CXX_STANDARD_REQUIRED ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(SAGEMAKER_CCACHE ccache)
  if(SAGEMAKER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${SAGEMAKER_CCACHE}")
  endif()
  find_program(SAGEMAKER_MOLD mold)
  if(SAGEMAKER_MOLD AND NOT SAGEMAKER_SANITIZE)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# sagemaker_own_code(target): warnings, hardening and sanitizers for a target of this project.
function(sagemaker_own_code target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wno-missing-field-initializers
    # GCC bug 105651: false alarms before version 13.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
    $<$<BOOL:${SAGEMAKER_WERROR}>:-Werror> -fstack-protector-strong)
  target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  if(SAGEMAKER_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SAGEMAKER_SANITIZE} -fno-omit-frame-pointer -g1)
    target_link_options(${target} PRIVATE -fsanitize=${SAGEMAKER_SANITIZE})
  endif()
endfunction()
