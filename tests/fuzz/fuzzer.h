// What every reader must hold, whatever it is given: it returns sound tensors, or throws one
// heed::Error that begins with the file's name. Anything else is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "core/error.h"
#include "core/state_dict.h"

namespace heed::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

/// Reads every byte, so that the sanitizers see what is not there.
inline void touch(const Tensor& x) {
  require(x.is_contiguous() && x.dim() <= Dims::kMax);
  const auto* bytes = reinterpret_cast<const volatile unsigned char*>(x.impl()->bytes());
  const auto size = static_cast<std::size_t>(x.numel()) * element_size(x.dtype());
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned char byte = bytes[i];
    if (x.dtype() == DType::Bool) require(byte <= 1);
  }
}

/// Runs read(bytes, name), which gives a StateDict.
template <class Read>
int run(const std::uint8_t* data, std::size_t size, Read&& read) {
  try {
    const StateDict tensors =
        read(std::span(reinterpret_cast<const std::byte*>(data), size), "fuzz");
    for (const auto& [name, tensor] : tensors) touch(tensor);
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(message.starts_with("fuzz: ") && message.size() < 2000);
  }
  return 0;
}

}  // namespace heed::fuzz
