# The clients' libraries. One imported target, sagemaker::dependencies, so that the build tree and an installed
# package resolve them in the same way. cpp-httplib's class layout depends on its macros: they travel with the target.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SAGEMAKER_HTTPLIB IMPORTED_TARGET cpp-httplib)
pkg_check_modules(SAGEMAKER_ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(SAGEMAKER_PUGIXML REQUIRED IMPORTED_TARGET pugixml)

if(NOT TARGET sagemaker::dependencies)
  add_library(sagemaker::dependencies INTERFACE IMPORTED GLOBAL)
  if(TARGET PkgConfig::SAGEMAKER_HTTPLIB)
    target_link_libraries(sagemaker::dependencies INTERFACE PkgConfig::SAGEMAKER_HTTPLIB)
  else() # upstream's single header, on the include path
    find_path(SAGEMAKER_HTTPLIB_INCLUDE httplib.h REQUIRED)
    target_include_directories(sagemaker::dependencies INTERFACE "${SAGEMAKER_HTTPLIB_INCLUDE}")
    target_compile_definitions(sagemaker::dependencies INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT)
  endif()
  target_link_libraries(sagemaker::dependencies INTERFACE
    PkgConfig::SAGEMAKER_ARCHIVE PkgConfig::SAGEMAKER_PUGIXML nlohmann_json::nlohmann_json
    OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB Threads::Threads)
endif()
