#include "core/autograd/grad_mode.h"
#include "core/io/crc32.h"
#include "core/io/zip.h"

namespace heed::io {
namespace {

// A record as bytes, little end first.
class Record {
 public:
  Record& u16(std::uint64_t value) { return put(value, 2); }
  Record& u32(std::uint64_t value) { return put(value, 4); }
  Record& u64(std::uint64_t value) { return put(value, 8); }
  Record& text(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Record& put(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> 8 * i & 0xff);
    return *this;
  }
  std::string bytes_;
};

constexpr std::uint64_t kUtf8Flag = 0x0800, kVersion = 20, kVersion64 = 45;
// Always the same time of day and date (1 January 1980), so that equal tensors make equal files.
constexpr std::uint64_t kTime = 0, kDate = 0x0021;
constexpr std::uint64_t kAllOnes = 0xffffffff;

}  // namespace

void ZipWriter::add(const std::string& name, std::string_view head, std::string_view body) {
  ZipEntry entry{};
  entry.name = name;
  entry.crc = crc32(crc32(0, head.data(), head.size()), body.data(), body.size());
  entry.size = entry.packed_size = head.size() + body.size();
  entry.header = file_.size();
  const bool wide = entry.size >= zip64_from_;
  Record record;
  record.u32(0x04034b50).u16(wide ? kVersion64 : kVersion).u16(kUtf8Flag).u16(0);
  record.u16(kTime).u16(kDate).u32(entry.crc);
  record.u32(wide ? kAllOnes : entry.size).u32(wide ? kAllOnes : entry.size);
  record.u16(name.size()).u16(wide ? 20 : 0).text(name);
  if (wide) record.u16(1).u16(16).u64(entry.size).u64(entry.size);
  file_.write(record.bytes());
  file_.write(head);
  file_.write(body);
  entries_.push_back(std::move(entry));
}

void ZipWriter::finish() {
  const std::uint64_t begin = file_.size();
  for (const ZipEntry& entry : entries_) {
    const bool wide_size = entry.size >= zip64_from_, wide_header = entry.header >= zip64_from_;
    Record extra;
    if (wide_size) extra.u64(entry.size).u64(entry.size);
    if (wide_header) extra.u64(entry.header);
    const bool wide = wide_size || wide_header;
    const std::size_t extra_size = extra.bytes().size();
    Record record;
    record.u32(0x02014b50).u16(wide ? kVersion64 : kVersion).u16(wide ? kVersion64 : kVersion);
    record.u16(kUtf8Flag).u16(0).u16(kTime).u16(kDate).u32(entry.crc);
    record.u32(wide_size ? kAllOnes : entry.size).u32(wide_size ? kAllOnes : entry.size);
    record.u16(entry.name.size()).u16(wide ? 4 + extra_size : 0).u16(0).u16(0).u16(0).u32(0);
    record.u32(wide_header ? kAllOnes : entry.header).text(entry.name);
    if (wide) record.u16(1).u16(extra_size).text(extra.bytes());
    file_.write(record.bytes());
  }
  const std::uint64_t end = file_.size(), count = entries_.size();
  const bool wide = count >= 0xffff || begin >= zip64_from_ || end - begin >= zip64_from_;
  Record record;
  if (wide) {
    record.u32(0x06064b50).u64(44).u16(kVersion64).u16(kVersion64).u32(0).u32(0);
    record.u64(count).u64(count).u64(end - begin).u64(begin);
    record.u32(0x07064b50).u32(0).u64(end).u32(1);
  }
  const std::uint64_t short_count = wide ? 0xffff : count;
  record.u32(0x06054b50).u16(0).u16(0).u16(short_count).u16(short_count);
  record.u32(wide ? kAllOnes : end - begin).u32(wide ? kAllOnes : begin).u16(0);
  file_.write(record.bytes());
}

}  // namespace heed::io
