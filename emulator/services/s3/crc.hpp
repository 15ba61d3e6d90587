// Cyclic redundancy checks in pieces, and of parts put together without reading them again: CRC-32, CRC-32C
// and CRC-64/NVME, as S3 uses them.
#pragma once

#include <cstdint>
#include <string_view>

namespace sagemaker::local::services::s3 {

// Continues from the check of what came before (0 at the beginning).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t running = 0);
std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t running = 0);

// The check of A followed by B, from those of A and B and the length of B in bytes.
std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b);
std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b);
std::uint64_t crc64nvme_combine(std::uint64_t a, std::uint64_t b, std::uint64_t length_b);

}  // namespace sagemaker::local::services::s3
