#include "core/io/safetensors.h"
#include "fuzzer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return heed::fuzz::run(
      data, size,
      [](auto bytes, const char* name) { return heed::io::parse_safetensors(bytes, name).tensors; },
      [](const std::string& path) { return heed::io::load_safetensors(path); });
}
