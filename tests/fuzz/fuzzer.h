// What every reader must hold, whatever it is given: it returns sound tensors, or throws one
// heed::Error that begins with the file's name. Anything else is a finding.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

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

/// Tensors, or the refusal behind the file's name.
struct Outcome {
  StateDict tensors;
  std::string refusal;
};

template <class Read>
Outcome outcome_of(const std::string& name, Read&& read) {
  Outcome outcome;
  try {
    outcome.tensors = read();
  } catch (const Error& error) {
    const std::string message = error.what();
    require(message.starts_with(name + ": ") && message.size() < 2000);
    outcome.refusal = message.substr(name.size() + 2);
  }
  for (const auto& [key, tensor] : outcome.tensors) touch(tensor);
  return outcome;
}

inline void require_same(const Outcome& a, const Outcome& b) {
  require(a.refusal == b.refusal && a.tensors.size() == b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const auto& [key, x] = a.tensors[i];
    const auto& [other, y] = b.tensors[i];
    require(key == other && x.sizes() == y.sizes() && x.dtype() == y.dtype());
    const auto size = static_cast<std::size_t>(x.numel()) * element_size(x.dtype());
    require(size == 0 || std::memcmp(x.impl()->bytes(), y.impl()->bytes(), size) == 0);
  }
}

#ifdef __linux__
/// A file that lives in memory and holds these bytes: its path.
inline std::string in_a_file(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("fuzz", 0);
  require(file >= 0 && ::ftruncate(file, 0) == 0 &&
          ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  return "/proc/self/fd/" + std::to_string(file);
}
#endif

/// Runs parse(bytes, name), which gives a StateDict, and for one size in eight load(path) as well:
/// a mapped file must say the same.
template <class Parse, class Load>
int run(const std::uint8_t* data, std::size_t size, Parse&& parse, Load&& load) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const Outcome parsed = outcome_of("fuzz", [&] { return parse(bytes, "fuzz"); });
#ifdef __linux__
  if (size % 8 == 0) {
    const std::string path = in_a_file(data, size);
    require_same(parsed, outcome_of(path, [&] { return load(path); }));
  }
#endif
  return 0;
}

}  // namespace heed::fuzz
