#include "core/io/npy.h"
#include "fuzzer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using heed::StateDict;
  return heed::fuzz::run(
      data, size,
      [](auto bytes, const char* name) {
        return StateDict{{"x", heed::io::parse_npy(bytes, name)}};
      },
      [](const std::string& path) {
        return StateDict{{"x", heed::io::load_npy(path)}};
      });
}
