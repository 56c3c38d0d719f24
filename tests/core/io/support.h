// For the tests of core/io: bytes in memory, and what an error says.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "core/tensor.h"
#include "support/files.h"
#include "support/refusal.h"

namespace heed::test {

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Same shape, dtype and bits.
inline bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  return x.numel() == 0 ||
         std::memcmp(x.impl()->bytes(), y.impl()->bytes(),
                     static_cast<std::size_t>(x.numel()) * element_size(x.dtype())) == 0;
}

}  // namespace heed::test
