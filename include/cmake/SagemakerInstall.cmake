# install(): headers, sagemaker-local, and the package that find_package(sagemaker) reads.
include(CMakePackageConfigHelpers)
set(SAGEMAKER_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/sagemaker")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/sagemaker" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(TARGETS sagemaker sagemaker_container EXPORT sagemaker-targets)
install(EXPORT sagemaker-targets NAMESPACE sagemaker:: DESTINATION "${SAGEMAKER_PACKAGE_DIR}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/include/cmake/sagemaker-config.cmake.in"
  "${PROJECT_BINARY_DIR}/sagemaker-config.cmake" INSTALL_DESTINATION "${SAGEMAKER_PACKAGE_DIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sagemaker-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/sagemaker-config.cmake" "${PROJECT_BINARY_DIR}/sagemaker-config-version.cmake"
  include/cmake/SagemakerDependencies.cmake include/cmake/SagemakerTorch.cmake
  DESTINATION "${SAGEMAKER_PACKAGE_DIR}")
