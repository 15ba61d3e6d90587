// <httplib.h> as the headers here need it; everything includes it through this file. The layout of
// cpp-httplib's classes depends on CPPHTTPLIB_OPENSSL_SUPPORT: a program compiled without it against a
// library compiled with it (Debian's is) would crash at its first request, so that is refused here.
#pragma once

#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error \
    "Compile with the macros of cpp-httplib: link sagemaker::sagemaker (CMake), or add \
$(pkg-config --cflags --libs cpp-httplib libarchive pugixml openssl zlib) to the command; without pkg-config's \
cpp-httplib add -DCPPHTTPLIB_OPENSSL_SUPPORT"
#endif

#include <httplib.h>
