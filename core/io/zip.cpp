#include "core/io/zip.h"

#include <algorithm>
#include <cctype>
#include <unordered_set>

#include "core/io/crc32.h"
#include "core/io/inflate.h"

namespace heed::io {
namespace {

constexpr std::uint32_t kEndSignature = 0x06054b50, kDirectorySignature = 0x02014b50,
                        kEntrySignature = 0x04034b50, kEnd64Signature = 0x06064b50,
                        kLocator64Signature = 0x07064b50;
constexpr std::size_t kEndSize = 22, kDirectorySize = 46, kEntrySize = 30, kEnd64Size = 56,
                      kLocator64Size = 20;

struct Directory {
  std::uint64_t begin, end, entries;
};

// The end record is the last thing in the file but for a comment of up to 64 KiB.
std::size_t find_end_record(const Bytes& archive, const std::string& file) {
  if (archive.size >= kEndSize) {
    const std::size_t last = archive.size - kEndSize;
    for (std::size_t back = 0; back <= std::min<std::size_t>(last, 0xffff); ++back) {
      const std::size_t at = last - back;
      if (archive.read<std::uint32_t>(at) == kEndSignature &&
          archive.read<std::uint16_t>(at + 20) == back) {
        return at;
      }
    }
  }
  fail_in(file, "is not a ZIP archive, or is cut off: no end record was found");
}

Directory find_directory(const Bytes& archive, const std::string& file) {
  const std::size_t end = find_end_record(archive, file);
  if (archive.read<std::uint16_t>(end + 4) != 0 || archive.read<std::uint16_t>(end + 6) != 0) {
    fail_in(file, "offset ", end, ": archives of several parts are not supported");
  }
  Directory directory{};
  directory.entries = archive.read<std::uint16_t>(end + 10);
  std::uint64_t size = archive.read<std::uint32_t>(end + 12);
  directory.begin = archive.read<std::uint32_t>(end + 16);
  std::uint64_t after = end;  // where the directory must end
  if (end >= kLocator64Size &&
      archive.read<std::uint32_t>(end - kLocator64Size) == kLocator64Signature) {
    const auto at = archive.read<std::uint64_t>(end - kLocator64Size + 8);
    if (at > end - kLocator64Size || end - kLocator64Size - at < kEnd64Size ||
        archive.read<std::uint32_t>(static_cast<std::size_t>(at)) != kEnd64Signature) {
      fail_in(file, "offset ", end - kLocator64Size, ": the 64-bit end record is not at ", at);
    }
    const auto record = static_cast<std::size_t>(at);
    directory.entries = archive.read<std::uint64_t>(record + 32);
    size = archive.read<std::uint64_t>(record + 40);
    directory.begin = archive.read<std::uint64_t>(record + 48);
    after = at;
  }
  if (directory.begin > after || after - directory.begin != size) {
    fail_in(file, "offset ", end, ": the directory is said to have ", size, " bytes at ",
            directory.begin, ", which does not end at ", after);
  }
  directory.end = after;
  // Each takes 46 bytes at least, so that the count can be believed when memory is reserved.
  if (directory.entries > size / kDirectorySize) {
    fail_in(file, "offset ", end, ": the directory of ", size, " bytes cannot hold ",
            directory.entries, " entries");
  }
  return directory;
}

// The 64-bit values of an extra field (APPNOTE 4.5.3): those whose 32-bit place holds all ones.
void read_extra64(std::string_view extra, ZipEntry& entry, const std::string& file,
                  std::uint64_t offset) {
  std::uint64_t* const wanted[] = {&entry.size, &entry.packed_size, &entry.header};
  const bool any = std::any_of(std::begin(wanted), std::end(wanted),
                               [](const std::uint64_t* value) { return *value == 0xffffffff; });
  const auto read = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, extra.data() + at, bytes);
    return value;
  };
  for (std::size_t at = 0; any && at + 4 <= extra.size();) {
    const std::size_t size = read(at + 2, 2), end = at + 4 + size;
    if (end > extra.size()) break;
    if (read(at, 2) == 1) {
      std::size_t next = at + 4;
      for (std::uint64_t* value : wanted) {
        if (*value != 0xffffffff) continue;
        if (next + 8 > end) break;
        *value = read(next, 8);
        next += 8;
      }
      return;
    }
    at = end;
  }
  if (any)
    fail_in(file, "offset ", offset, ": entry ", quote(entry.name), " lacks its 64-bit sizes");
}

// The entry's own header: its length is needed to find the data.
void read_entry_header(const Bytes& archive, ZipEntry& entry, std::uint64_t limit,
                       const std::string& file) {
  const auto refuse = [&](const auto&... parts) {
    fail_in(file, "entry ", quote(entry.name), " at offset ", entry.header, ": ", parts...);
  };
  if (entry.header > limit || limit - entry.header < kEntrySize) {
    refuse("lies beyond the ", limit, " bytes before the directory");
  }
  const auto at = static_cast<std::size_t>(entry.header);
  if (archive.read<std::uint32_t>(at) != kEntrySignature) refuse("no entry begins here");
  const std::size_t name = archive.read<std::uint16_t>(at + 26);
  const std::size_t extra = archive.read<std::uint16_t>(at + 28);
  if (name + extra > limit - entry.header - kEntrySize) refuse("its header is cut off");
  if (archive.text(at + kEntrySize, name) != entry.name) {
    refuse("calls itself ", quote(archive.text(at + kEntrySize, name)));
  }
  if (archive.read<std::uint16_t>(at + 8) != entry.method) {
    refuse("is not packed as the directory says");
  }
  entry.data = entry.header + kEntrySize + name + extra;
  if (entry.packed_size > limit - entry.data) {
    refuse("its ", entry.packed_size, " bytes reach beyond the ", limit,
           " bytes before the directory");
  }
  entry.end = entry.data + entry.packed_size;
}

// Entries that share bytes are how a small archive unpacks to a huge one (Fifield 2019).
void check_overlap(const std::vector<ZipEntry>& entries, const std::string& file) {
  std::vector<const ZipEntry*> order;
  for (const ZipEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->header < b->header; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->header < order[i - 1]->end) {
      fail_in(file, "entry ", quote(order[i]->name), " at offset ", order[i]->header,
              " overlaps entry ", quote(order[i - 1]->name));
    }
  }
}

}  // namespace

const char* bad_entry_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.find('\0') != std::string_view::npos) return "holds a zero byte";
  if (!is_utf8(name)) return "is not UTF-8";
  if (name[0] == '/' || name[0] == '\\') return "is absolute";
  if (name.size() > 1 && name[1] == ':' && std::isalpha(static_cast<unsigned char>(name[0]))) {
    return "is absolute";
  }
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find_first_of("/\\", begin), name.size());
    if (name.substr(begin, end - begin) == "..") return "leads out of its folder by \"..\"";
    begin = end + 1;
  }
  return nullptr;
}

std::vector<ZipEntry> read_zip_directory(const Bytes& archive, const std::string& file) {
  const Directory directory = find_directory(archive, file);
  std::vector<ZipEntry> entries;
  std::unordered_set<std::string> names;
  auto at = static_cast<std::size_t>(directory.begin);
  const auto end = static_cast<std::size_t>(directory.end);
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (end - at < kDirectorySize || archive.read<std::uint32_t>(at) != kDirectorySignature) {
      fail_in(file, "offset ", at, ": the directory breaks off after ", i, " of ",
              directory.entries, " entries");
    }
    const std::size_t name = archive.read<std::uint16_t>(at + 28);
    const std::size_t extra = archive.read<std::uint16_t>(at + 30);
    const std::size_t comment = archive.read<std::uint16_t>(at + 32);
    if (name + extra + comment > end - at - kDirectorySize) {
      fail_in(file, "offset ", at, ": the directory breaks off in entry ", i);
    }
    ZipEntry entry{};
    entry.name = archive.text(at + kDirectorySize, name);
    if (const char* reason = bad_entry_name(entry.name)) {
      fail_in(file, "offset ", at, ": the entry name ", quote(entry.name), " ", reason);
    }
    if (!names.insert(entry.name).second) {
      fail_in(file, "offset ", at, ": the entry ", quote(entry.name), " is there twice");
    }
    const auto flags = archive.read<std::uint16_t>(at + 8);
    if (flags & 0x2041) fail_in(file, "entry ", quote(entry.name), " is encrypted");
    entry.method = archive.read<std::uint16_t>(at + 10);
    if (entry.method != 0 && entry.method != 8) {
      fail_in(file, "entry ", quote(entry.name), " is packed by method ", entry.method,
              "; only stored (0) and deflated (8) ones are read");
    }
    entry.crc = archive.read<std::uint32_t>(at + 16);
    entry.packed_size = archive.read<std::uint32_t>(at + 20);
    entry.size = archive.read<std::uint32_t>(at + 24);
    entry.header = archive.read<std::uint32_t>(at + 42);
    read_extra64(archive.text(at + kDirectorySize + name, extra), entry, file, at);
    if (entry.method == 0 && entry.size != entry.packed_size) {
      fail_in(file, "entry ", quote(entry.name),
              " is stored, but has two sizes: ", entry.packed_size, " and ", entry.size);
    }
    read_entry_header(archive, entry, directory.begin, file);
    entries.push_back(std::move(entry));
    at += kDirectorySize + name + extra + comment;
  }
  if (at != end) fail_in(file, "offset ", at, ": the directory is longer than its entries");
  check_overlap(entries, file);
  return entries;
}

Bytes unpack(const Bytes& archive, const ZipEntry& entry, const std::string& file) {
  Bytes content = archive.part(static_cast<std::size_t>(entry.data),
                               static_cast<std::size_t>(entry.packed_size));
  if (entry.method == 8) {
    const Bytes packed = content;
    content = allocate_bytes(static_cast<std::size_t>(entry.size));
    if (const char* fault = inflate(packed.data, packed.size, content.data, content.size)) {
      fail_in(file, "entry ", quote(entry.name), " at offset ", entry.data, ": ", fault);
    }
  }
  const std::uint32_t crc = crc32(0, content.data, content.size);
  if (crc != entry.crc) {
    fail_in(file, "entry ", quote(entry.name), " at offset ", entry.data,
            ": the checksum (CRC-32) is ", crc, " where the archive says ", entry.crc,
            ": the data are damaged");
  }
  return content;
}

}  // namespace heed::io
