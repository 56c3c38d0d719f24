#include "core/io/elements.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "core/factory.h"

namespace heed::io {

std::size_t encoded_size(Encoding encoding) {
  switch (encoding) {
    case Encoding::F64:
    case Encoding::I64:
    case Encoding::U64: return 8;
    case Encoding::F32:
    case Encoding::I32:
    case Encoding::U32: return 4;
    case Encoding::F16:
    case Encoding::BF16:
    case Encoding::I16:
    case Encoding::U16: return 2;
    case Encoding::I8:
    case Encoding::U8:
    case Encoding::Bool: return 1;
  }
  return 1;
}

DType decoded_dtype(Encoding encoding) {
  switch (encoding) {
    case Encoding::F64: return DType::Float64;
    case Encoding::F32:
    case Encoding::F16:
    case Encoding::BF16: return DType::Float32;
    case Encoding::Bool: return DType::Bool;
    default: return DType::Int64;
  }
}

bool encoded_bytes(const Dims& sizes, Encoding encoding, std::uint64_t& bytes) {
  bytes = encoded_size(encoding);
  // A size of 0 makes the product 0 only if the others do not overflow before: they must not in
  // any order, or two readers could disagree.
  std::uint64_t product = 1;
  for (const std::int64_t size : sizes) {
    if (size != 0 && __builtin_mul_overflow(product, static_cast<std::uint64_t>(size), &product)) {
      return false;
    }
  }
  if (__builtin_mul_overflow(product, bytes, &bytes)) return false;
  if (product > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  if (sizes.contains(0)) bytes = 0;
  return true;
}

namespace {

// IEEE half precision: 1 sign, 5 exponent, 10 fraction bits. Subnormals are fraction·2^-24.
float from_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31;
  const std::uint32_t exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  const std::uint32_t widened = exponent == 0x1f ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

// bfloat16 is the upper half of a float32.
float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

template <class Raw>
Raw raw_at(const std::byte* at, bool big_endian) {
  std::array<std::byte, sizeof(Raw)> bytes;
  std::memcpy(bytes.data(), at, sizeof(Raw));
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<Raw>(bytes);
}

template <class T, class Raw, class Convert>
Tensor convert(const Bytes& bytes, const Dims& sizes, bool big_endian, Convert&& element) {
  Tensor x = empty(sizes, {.dtype = dtype_of<T>});
  T* out = x.data<T>();
  const std::byte* in = bytes.data;
  const std::int64_t n = x.numel();
  if (!big_endian && std::is_same_v<T, Raw>) {
    if (n > 0) std::memcpy(out, in, bytes.size);
    return x;
  }
  for (std::int64_t i = 0; i < n; ++i, in += sizeof(Raw)) {
    out[i] = element(raw_at<Raw>(in, big_endian));
  }
  return x;
}

template <class Raw>
Tensor convert_whole(const Bytes& bytes, const Dims& sizes, bool big_endian) {
  return convert<std::int64_t, Raw>(bytes, sizes, big_endian,
                                    [](Raw x) { return static_cast<std::int64_t>(x); });
}

void check_bool(const Bytes& bytes, const std::string& where) {
  for (std::size_t i = 0; i < bytes.size; ++i) {
    HEED_CHECK(static_cast<unsigned char>(bytes.data[i]) <= 1, where, ": element ", i,
               " is the byte ", static_cast<int>(bytes.data[i]), ", which is no bool");
  }
}

}  // namespace

Tensor decode(const Bytes& bytes, const Dims& sizes, Encoding encoding, bool big_endian,
              const std::string& where) {
  if (encoding == Encoding::Bool) check_bool(bytes, where);
  const bool as_is = encoding == Encoding::F32 || encoding == Encoding::F64 ||
                     encoding == Encoding::I64 || encoding == Encoding::Bool;
  const std::size_t width = encoded_size(encoding);
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data) % width == 0;
  if (as_is && aligned && bytes.owner && bytes.size > 0 && (!big_endian || width == 1)) {
    return tensor_on(bytes, sizes, decoded_dtype(encoding));
  }
  const auto same = [](auto x) { return x; };
  switch (encoding) {
    case Encoding::F64: return convert<double, double>(bytes, sizes, big_endian, same);
    case Encoding::F32: return convert<float, float>(bytes, sizes, big_endian, same);
    case Encoding::F16: return convert<float, std::uint16_t>(bytes, sizes, big_endian, from_half);
    case Encoding::BF16:
      return convert<float, std::uint16_t>(bytes, sizes, big_endian, from_bfloat);
    case Encoding::I64: return convert_whole<std::int64_t>(bytes, sizes, big_endian);
    case Encoding::I32: return convert_whole<std::int32_t>(bytes, sizes, big_endian);
    case Encoding::I16: return convert_whole<std::int16_t>(bytes, sizes, big_endian);
    case Encoding::I8: return convert_whole<std::int8_t>(bytes, sizes, big_endian);
    case Encoding::U32: return convert_whole<std::uint32_t>(bytes, sizes, big_endian);
    case Encoding::U16: return convert_whole<std::uint16_t>(bytes, sizes, big_endian);
    case Encoding::U8: return convert_whole<std::uint8_t>(bytes, sizes, big_endian);
    case Encoding::U64:
      return convert<std::int64_t, std::uint64_t>(bytes, sizes, big_endian, [&](std::uint64_t x) {
        const auto value = static_cast<std::int64_t>(x);
        HEED_CHECK(value >= 0, where, ": the element ", x, " does not fit int64");
        return value;
      });
    case Encoding::Bool: return convert<bool, bool>(bytes, sizes, false, same);
  }
  heed::detail::fail(where, ": unknown element type");
}

}  // namespace heed::io
