// What is known of the processor beyond its instruction set and its caches: only speed depends on
// it.
#pragma once

namespace heed::simd {

/// Whether it is one of AMD's.
bool is_amd();

/// Whether it does an instruction of 512 bits in two halves, one after the other: AMD's Zen 4, of
/// family 25. (Zen 5, of family 26, and Intel's have units as wide. AMD, "Processor Programming
/// Reference", CPUID Fn0000_0001 on the family.)
extern const bool kHalves512;

}  // namespace heed::simd
