#include "core/io/npy.h"
#include "fuzzer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return heed::fuzz::run(data, size, [](auto bytes, const char* name) {
    return heed::StateDict{{"x", heed::io::parse_npy(bytes, name)}};
  });
}
