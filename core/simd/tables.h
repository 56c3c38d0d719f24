// How the translation units of core/simd hand their tables to kernels.cpp.
#pragma once

#include "core/simd/kernels.h"

namespace heed::simd {

/// Each overwrites the entries it has something for. fill_plain has something for all of them and
/// goes first.
void fill_plain(Kernels& table);
void fill_sse2(Kernels& table);
void fill_avx2(Kernels& table);
void fill_avx512(Kernels& table);
void fill_neon(Kernels& table);

/// The parts of each that arch_<set>_double.cpp and arch_<set>_rows.cpp hold, called by the whole.
void fill_sse2_double(Kernels& table);
void fill_sse2_rows(Kernels& table);
void fill_avx2_double(Kernels& table);
void fill_avx2_rows(Kernels& table);
void fill_avx512_double(Kernels& table);
void fill_avx512_rows(Kernels& table);
void fill_neon_double(Kernels& table);
void fill_neon_rows(Kernels& table);

}  // namespace heed::simd
