// Request bodies that a client compressed. SDKs do so with a large PutMetricData.
#pragma once

#include <cstddef>
#include <string>

#include "emulator/http/message.hpp"

namespace sagemaker::local::wire {

// The body as its Content-Encoding says: gzip, identity or none. Throws http::BodyError 413 beyond
// `bytes_max`, however little came over the wire, and 400 for what is no gzip; ServiceFault (415) for another
// coding.
std::string decode_content(const http::Request& request, std::string body, std::size_t bytes_max);

}  // namespace sagemaker::local::wire
