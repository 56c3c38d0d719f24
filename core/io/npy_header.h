// The header of an npy file. Not for users.
#pragma once

#include <cstdint>
#include <string>

#include "core/io/elements.h"

namespace heed::io {

struct NpyHeader {
  Encoding encoding;
  bool big_endian;
  bool fortran_order;
  Dims sizes;
  std::size_t data;  // where the elements begin
};

/// Reads and checks the header: versions 1 to 3, exactly the three keys of the format, and as many
/// bytes behind it as the shape needs. `where` begins messages.
NpyHeader parse_npy_header(const Bytes& bytes, const std::string& where);

/// The array that an npy file holds, row-major.
Tensor decode_npy(const Bytes& bytes, const std::string& where);

/// Magic, version and header of version 1, padded to 64 bytes.
std::string npy_header_text(const Dims& sizes, DType dtype, bool fortran_order);

}  // namespace heed::io
