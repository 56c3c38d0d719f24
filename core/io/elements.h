// Element types of files and how heed reads them. Not for users.
#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "core/io/bytes.h"

namespace heed::io {

/// How numbers lie in a file.
enum class Encoding : std::uint8_t {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  Bool
};

/// Bytes of one element.
std::size_t encoded_size(Encoding encoding);
/// What it is read as: F16 and BF16 as float32, other integers as int64.
DType decoded_dtype(Encoding encoding);

/// The number of bytes of that many elements, or false where it overflows 64 bits.
bool encoded_bytes(const Dims& sizes, Encoding encoding, std::uint64_t& bytes);

/// The tensor that bytes hold, row-major; bytes.size fits the sizes. Without a copy where the
/// elements can be used as they are, so that it shares `bytes`. Errors: a byte of Bool that is
/// neither 0 nor 1; a U64 beyond int64. `where` begins the message: the file, and the tensor if it
/// has a name.
Tensor decode(const Bytes& bytes, const Dims& sizes, Encoding encoding, bool big_endian,
              const std::string& where);

}  // namespace heed::io
