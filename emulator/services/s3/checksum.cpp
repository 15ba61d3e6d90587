#include "emulator/services/s3/checksum.hpp"

namespace sagemaker::local::services::s3 {

const char* member_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::crc32:
      return "ChecksumCRC32";
    case Algorithm::crc32c:
      return "ChecksumCRC32C";
    case Algorithm::crc64nvme:
      return "ChecksumCRC64NVME";
    case Algorithm::sha1:
      return "ChecksumSHA1";
    case Algorithm::sha256:
      break;
  }
  return "ChecksumSHA256";
}

}  // namespace sagemaker::local::services::s3
