// safetensors: named tensors in one file that cannot run code, readable by every framework.
//
// The format (https://huggingface.co/docs/safetensors, "Format"): eight bytes with the length N of
// the header, little end first; the header, N bytes of JSON,
//   {"__metadata__": {"key": "text", …},
//    "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …};
// the tensors' bytes, row-major, at offsets counted from the end of the header, without gaps.
//
// Reading maps the file: a tensor of a type that heed has is the file's memory itself, so that a
// file of gigabytes is there at once and read from the disk as it is used. Writing to such a tensor
// copies the touched pages and never reaches the file.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/state_dict.h"

namespace heed::io {

/// Texts by name, in the file's order.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Safetensors {
  StateDict tensors;  ///< in the header's order
  Metadata metadata;
};

struct LoadOptions {
  /// false: the file is read into memory of its own, for files that others overwrite in place.
  bool map = true;
};

/// Reads a file. F64, F32, I64 and BOOL as they are, F16 and BF16 as float32, other integers as
/// int64. Whatever is wrong with a file ends in one heed::Error that names the file, the tensor or
/// offset, and what is wrong; nothing is allocated beyond what the file itself accounts for.
Safetensors read_safetensors(const std::string& path, const LoadOptions& options = {});
/// The tensors alone.
StateDict load_safetensors(const std::string& path, const LoadOptions& options = {});
/// The same from memory, which is copied; `name` stands for the file in messages.
Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

/// Writes a file, which replaces an old one of that name all at once: a crash leaves the old or the
/// new file whole. Errors: a name or text that is not UTF-8, the name "__metadata__", a name of
/// metadata used twice, what the disk says.
void save_safetensors(const std::string& path, const StateDict& tensors,
                      const Metadata& metadata = {});

}  // namespace heed::io
