// The checksum of ZIP archives. Not for users.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed::io {

/// CRC-32 (polynomial 0xedb88320, as in ISO 3309) of more bytes, given that of those before (0 at
/// first).
std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size);

}  // namespace heed::io
