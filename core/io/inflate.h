// Unpacking DEFLATE data, as numpy.savez_compressed writes. Not for users.
#pragma once

#include <cstddef>

namespace heed::io {

/// Unpacks exactly `in_size` bytes into exactly `out_size` (RFC 1951). Returns null, or what is
/// wrong with the data; then the contents of `out` mean nothing. Never reads or writes beyond.
const char* inflate(const std::byte* in, std::size_t in_size, std::byte* out, std::size_t out_size);

}  // namespace heed::io
