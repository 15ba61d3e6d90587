// The checksum algorithms of S3 by the names that the service's documents use; the algorithms themselves are
// the library's.
#pragma once

#include <optional>
#include <string_view>

#include <sagemaker/aws/checksum.hpp>

namespace sagemaker::local::services::s3 {

using Algorithm = aws::ChecksumAlgorithm;
using aws::Checksum;
using aws::combine;
using aws::header_of;
using aws::is_crc;
using aws::name_of;
using aws::size_of;

inline constexpr const auto& algorithms = aws::checksum_algorithms;

const char* member_of(Algorithm algorithm);  // "ChecksumCRC32"

inline std::optional<Algorithm> algorithm_named(std::string_view name) {  // without case
  return aws::checksum_algorithm_named(name);
}

}  // namespace sagemaker::local::services::s3
