// The unpacker by itself: in an archive the checksum would stop most of what a fuzzer invents.
#include <vector>

#include "core/io/inflate.h"
#include "fuzzer.h"

// Two bytes say how much is unpacked; the rest is the packed data.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::vector<std::byte> out(data[0] | std::size_t{data[1]} << 8);
  const std::vector<std::byte> in(reinterpret_cast<const std::byte*>(data) + 2,
                                  reinterpret_cast<const std::byte*>(data) + size);
  const char* fault = heed::io::inflate(in.data(), in.size(), out.data(), out.size());
  if (fault) heed::fuzz::require(fault[0] != '\0');
  return 0;
}
