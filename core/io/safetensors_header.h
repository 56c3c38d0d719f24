// The header of a safetensors file: from JSON, and every check of it. Not for users.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/elements.h"

namespace heed::io {

/// No header is longer, so that a lie about the length costs nothing.
inline constexpr std::uint64_t kLongestHeader = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  Encoding encoding;
  Dims sizes;
  std::uint64_t begin, end;  // in the data after the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of the text
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Reads the JSON text and checks it against the number of bytes that follow it: known dtypes,
/// shapes of at most eight sizes whose product fits, offsets that match them and cover the data
/// exactly once. Names are unique. `file` is named in errors.
SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::string& file);

/// "F32": the name of a type in the header.
const char* safetensors_dtype(DType dtype);

}  // namespace heed::io
