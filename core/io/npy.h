// npy and npz: numpy's files of one array and of several.
//
// An npy file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) is a magic
// string, a version, a header that is a Python dict of element type, order and shape, and the
// elements. An npz file is a ZIP archive of npy files. Neither can run code here: arrays of Python
// objects (pickle) are refused.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/io/safetensors.h"
#include "core/state_dict.h"

namespace heed::io {

/// Reads one array: float64, float32, int64 and bool as they are, float16 as float32, other
/// integers as int64; either byte order. The result is row-major, whatever the file's order; where
/// nothing needs converting it is the mapped file itself (see safetensors.h). Whatever is wrong
/// with a file ends in one heed::Error that names the file, the place and what is wrong.
Tensor load_npy(const std::string& path, const LoadOptions& options = {});
/// The same from memory, which is copied; `name` stands for the file in messages.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name);

struct SaveNpyOptions {
  /// Column-major elements, as Fortran and MATLAB have them. The values are the same.
  bool fortran_order = false;
};
/// Writes one array, all at once (see save_safetensors).
void save_npy(const std::string& path, const Tensor& x, const SaveNpyOptions& options = {});

struct LoadNpzOptions {
  /// See LoadOptions.
  bool map = true;
  /// Refuses what unpacks to more than this many times the size of the archive (and more than a
  /// mebibyte): a ZIP bomb. Arrays of constants are compressed up to 1000 times.
  std::int64_t max_ratio = 100;
};
/// The arrays of an archive by their names (without ".npy"), stored or deflated. Errors, besides
/// those of load_npy: entries that overlap, that have absolute names or names with "..", whose
/// checksum or size is not what the archive says, that are encrypted or packed in another way;
/// bombs.
StateDict load_npz(const std::string& path, const LoadNpzOptions& options = {});
/// The same from memory, which is copied.
StateDict parse_npz(std::span<const std::byte> bytes, const std::string& name,
                    const LoadNpzOptions& options = {});
/// Writes an archive, not compressed, as numpy.savez does, all at once. Errors: a name that
/// load_npz would refuse.
void save_npz(const std::string& path, const StateDict& tensors);

}  // namespace heed::io
