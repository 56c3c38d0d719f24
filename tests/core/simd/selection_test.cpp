// Which table is used, and HEED_ISA.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "core/simd/kernels.h"
#include "support/run_program.h"

namespace {

using heed::simd::KernelsOf;

// Not a test: what the next ones run in a process of its own.
TEST_CASE("says which instruction set is in use" * doctest::skip()) {
  try {
    std::fprintf(stderr, "[%s]\n", heed::simd_isa());
  } catch (const heed::Error& error) {
    std::fprintf(stderr, "[%s]\n", error.what());
  }
}

std::string isa_with(const std::string& wish) {
  return heed::test::run_program(heed::test::this_program(),
                                 {"--no-skip", "--test-case=says which instruction set is in use"},
                                 {.environment = {"HEED_ISA=" + wish}})
      .err;
}

TEST_CASE("HEED_ISA chooses any table that is there") {
  for (const char* isa : {"plain", "sse2", "avx2", "avx512", "neon"}) {
    const std::string name = isa;
    INFO("HEED_ISA=" << name);
    if (heed::simd::kernels_for(isa) != nullptr) {
      CHECK(isa_with(name).find("[" + name + "]") != std::string::npos);
    } else {
      CHECK(isa_with(name).find("[HEED_ISA=" + name + " is not to be had here: ") !=
            std::string::npos);
    }
  }
}

TEST_CASE("a HEED_ISA that names nothing is refused with the names there are") {
  CHECK(isa_with("mmx").find("[HEED_ISA=mmx names no instruction set; it may be one of avx512, "
                             "avx2, sse2, neon, plain.]") != std::string::npos);
}

TEST_CASE("without HEED_ISA the widest table is used") {
  std::string widest;
  for (const char* isa : {"avx512", "avx2", "sse2", "neon", "plain"}) {
    if (widest.empty() && heed::simd::kernels_for(isa) != nullptr) widest = isa;
  }
  CHECK(isa_with("").find("[" + widest + "]") != std::string::npos);
}

TEST_CASE("there is no table by another name") {
  CHECK(heed::simd::kernels_for("mmx") == nullptr);
  CHECK(heed::simd::kernels_for("") == nullptr);
}

TEST_CASE("every table has every entry") {
  for (const char* isa : {"plain", "sse2", "avx2", "avx512", "neon"}) {
    const heed::simd::Kernels* table = heed::simd::kernels_for(isa);
    if (table == nullptr) continue;
    const std::string name = table->isa;
    CHECK(name == isa);
    // All entries are pointers to functions of one size.
    const auto whole = [](const auto& of) {
      const auto* entry = reinterpret_cast<void* const*>(&of);
      for (std::size_t i = 0; i < sizeof(of) / sizeof(void*); ++i) {
        if (entry[i] == nullptr) return false;
      }
      return true;
    };
    CHECK(whole(table->f32));
    CHECK(whole(table->f64));
  }
}

}  // namespace
