// ZIP archives, as far as npz needs them. Not for users.
//
// The format: PKWARE's APPNOTE.TXT. An archive is read from its end: the end record says where the
// central directory is, the directory where each entry is. What an entry's own header repeats must
// agree with the directory, so that no two readers see two different archives in one file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/io/atomic_file.h"
#include "core/io/bytes.h"

namespace heed::io {

struct ZipEntry {
  std::string name;
  std::uint16_t method;  // 0: stored, 8: deflated
  std::uint32_t crc;
  std::uint64_t packed_size, size;
  std::uint64_t header, data, end;  // where header and data begin, and the data end
};

/// The entries, in the directory's order, all checked: within the archive, not overlapping, with
/// unique names that are relative and have no ".."; not encrypted; stored or deflated.
std::vector<ZipEntry> read_zip_directory(const Bytes& archive, const std::string& file);

/// The unpacked bytes of an entry, with checked size and checksum; those of a stored entry are the
/// archive's own.
Bytes unpack(const Bytes& archive, const ZipEntry& entry, const std::string& file);

/// Why no entry may have this name, or null. Absolute names and "..", with either slash, would
/// leave the folder that an archive is unpacked to.
const char* bad_entry_name(std::string_view name);

/// Writes an archive of stored entries into a file.
class ZipWriter {
 public:
  /// zip64_from: sizes and offsets from here on are written in 64 bits; for tests.
  explicit ZipWriter(AtomicFile& file, std::uint64_t zip64_from = 0xffffffff)
      : file_(file), zip64_from_(zip64_from) {}

  /// One entry, whose content is head followed by body.
  void add(const std::string& name, std::string_view head, std::string_view body);
  /// The directory. Nothing may be added after it.
  void finish();

 private:
  AtomicFile& file_;
  std::uint64_t zip64_from_;
  std::vector<ZipEntry> entries_;
};

}  // namespace heed::io
