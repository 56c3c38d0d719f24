// A file's bytes in memory, and how to speak of them in messages. Not for users.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/tensor.h"

namespace heed::io {

/// Bytes of a file, or a part of them, kept alive by `owner`. They may be written to: that changes
/// the copy in memory, never the file.
struct Bytes {
  std::byte* data = nullptr;
  std::size_t size = 0;
  std::shared_ptr<void> owner;

  /// Error-free only within the bounds, which the caller has checked.
  Bytes part(std::size_t begin, std::size_t count) const { return {data + begin, count, owner}; }
  std::string_view text(std::size_t begin, std::size_t count) const {
    return {reinterpret_cast<const char*>(data) + begin, count};
  }
  /// A little-endian number at an offset.
  template <class T>
  T read(std::size_t at) const {
    T value;
    std::memcpy(&value, data + at, sizeof(T));
    return value;
  }
};

/// Maps a file into memory (privately: written pages become copies), or with map = false reads it.
/// A file that is made shorter by others while it is mapped ends the program (SIGBUS), as with any
/// mapped file; heed's own writers replace files and never do that. Errors: no such file; not a
/// regular file.
Bytes open_file(const std::string& path, bool map = true);

/// Uninitialised memory as Bytes, 64-byte aligned.
Bytes allocate_bytes(std::size_t size);

/// A tensor on bytes that are already its elements, row-major, without a copy. The pointer must be
/// aligned for the dtype and the size must fit.
Tensor tensor_on(const Bytes& bytes, const Dims& sizes, DType dtype);

/// True for well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond
/// U+10FFFF.
bool is_utf8(std::string_view text);

/// A name from a file between quotes, cut when long, with control characters and what is no UTF-8
/// escaped: what a message can hold whatever the file says.
std::string quote(std::string_view name);

/// Every error of a reader: "model.safetensors: …".
template <class... Parts>
[[noreturn]] void fail_in(const std::string& file, const Parts&... parts) {
  heed::detail::fail(file, ": ", parts...);
}

}  // namespace heed::io
