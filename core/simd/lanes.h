// What kernels need of a vector register and xsimd 8.1 does not offer on every set: loads and
// stores of the first few lanes, stores past the caches, exact arithmetic.
#pragma once

#include <cstdint>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#ifdef __AVX512F__
namespace heed::simd {
// AVX2 under a name of its own, for AVX-512's narrow tails: what is compiled here for it may use
// any AVX-512 instruction, and must not be taken for the AVX2 table's (see kernels.h).
struct Avx512Half : xsimd::fma3<xsimd::avx2> {};
}  // namespace heed::simd
namespace xsimd::types {
XSIMD_DECLARE_SIMD_REGISTER_ALIAS(heed::simd::Avx512Half, fma3<avx2>);
}  // namespace xsimd::types
#endif

namespace heed::simd {

// Sets with masked moves of 32 and 64 bit lanes.
template <class Arch>
inline constexpr bool kWideMask = std::is_base_of_v<xsimd::avx512f, Arch>;
template <class Arch>
inline constexpr bool kVectorMask = std::is_base_of_v<xsimd::avx2, Arch>;
template <class Arch>
inline constexpr bool kHasMask = kWideMask<Arch> || kVectorMask<Arch>;
// Sets whose masked loads cost as little as others: AVX-512's, also for half a register.
template <class Arch>
inline constexpr bool kFreeMask = kWideMask<Arch>;
#ifdef __AVX512F__
template <>
inline constexpr bool kFreeMask<Avx512Half> = true;
#endif

// A set of half the width whose registers are half the work: AVX-512's fused multiply-adds of 256
// bits are issued twice as often on the CPUs that split the wide ones, and as often on the others.
template <class Arch>
struct HalfOf {
  using type = void;
};
#ifdef __AVX512F__
template <class Arch>
requires(kWideMask<Arch>) struct HalfOf<Arch> {
  using type = Avx512Half;
};
#endif
template <class Arch>
using Half = typename HalfOf<Arch>::type;
template <class Arch>
inline constexpr bool kHasHalf = !std::is_void_v<Half<Arch>>;

// Registers a kernel may count on.
template <class Arch>
inline constexpr int kRegisters = kWideMask<Arch> ? 32
                                  : std::is_base_of_v<xsimd::generic, Arch> && sizeof(void*) == 8
                                      ? 16
                                      : 8;

/// The same pointer, of which the compiler does not know that it is: what is read through it is not
/// read earlier.
template <class Pointer>
Pointer forget_origin(Pointer pointer) {
  asm("" : "+r"(pointer));
  return pointer;
}

/// Selects the first `count` lanes of a register, 0 <= count <= size.
template <class Arch, class T>
struct LaneMask {
  using Batch = xsimd::batch<T, Arch>;
  std::int64_t count;
  explicit LaneMask(std::int64_t n) : count(n) {}

  /// The first lanes from p, zero in the others; nothing behind p[count - 1] is touched.
  Batch load(const T* p) const {
    alignas(64) T lanes[Batch::size] = {};
    for (std::int64_t i = 0; i < count; ++i) lanes[i] = p[i];
    return Batch::load_aligned(lanes);
  }
  void store(T* p, Batch x) const {
    alignas(64) T lanes[Batch::size];
    x.store_aligned(lanes);
    for (std::int64_t i = 0; i < count; ++i) p[i] = lanes[i];
  }
  /// The selected lanes of x, the others of rest.
  Batch select(Batch x, Batch rest) const {
    alignas(64) T lanes[Batch::size];
    rest.store_aligned(lanes);
    store(lanes, x);
    return Batch::load_aligned(lanes);
  }
};

#ifdef __AVX512F__
template <class Arch>
requires(kWideMask<Arch>) struct LaneMask<Arch, float> {
  using Batch = xsimd::batch<float, Arch>;
  __mmask16 mask;
  explicit LaneMask(std::int64_t n) : mask(static_cast<__mmask16>((1u << n) - 1u)) {}
  Batch load(const float* p) const { return Batch(_mm512_maskz_loadu_ps(mask, p)); }
  void store(float* p, Batch x) const { _mm512_mask_storeu_ps(p, mask, x.data); }
  Batch select(Batch x, Batch rest) const {
    return Batch(_mm512_mask_mov_ps(rest.data, mask, x.data));
  }
};
template <class Arch>
requires(kWideMask<Arch>) struct LaneMask<Arch, double> {
  using Batch = xsimd::batch<double, Arch>;
  __mmask8 mask;
  explicit LaneMask(std::int64_t n) : mask(static_cast<__mmask8>((1u << n) - 1u)) {}
  Batch load(const double* p) const { return Batch(_mm512_maskz_loadu_pd(mask, p)); }
  void store(double* p, Batch x) const { _mm512_mask_storeu_pd(p, mask, x.data); }
  Batch select(Batch x, Batch rest) const {
    return Batch(_mm512_mask_mov_pd(rest.data, mask, x.data));
  }
};
#endif

#ifdef __AVX512F__
// (Of AVX-512 as well: a masked store of AVX2's own takes AMD's cores ten times as long.)
template <>
struct LaneMask<Avx512Half, float> {
  using Batch = xsimd::batch<float, Avx512Half>;
  __mmask8 mask;
  explicit LaneMask(std::int64_t n) : mask(static_cast<__mmask8>((1u << n) - 1u)) {}
  Batch load(const float* p) const { return Batch(_mm256_maskz_loadu_ps(mask, p)); }
  void store(float* p, Batch x) const { _mm256_mask_storeu_ps(p, mask, x.data); }
  Batch select(Batch x, Batch rest) const {
    return Batch(_mm256_mask_mov_ps(rest.data, mask, x.data));
  }
};
template <>
struct LaneMask<Avx512Half, double> {
  using Batch = xsimd::batch<double, Avx512Half>;
  __mmask8 mask;
  explicit LaneMask(std::int64_t n) : mask(static_cast<__mmask8>((1u << n) - 1u)) {}
  Batch load(const double* p) const { return Batch(_mm256_maskz_loadu_pd(mask, p)); }
  void store(double* p, Batch x) const { _mm256_mask_storeu_pd(p, mask, x.data); }
  Batch select(Batch x, Batch rest) const {
    return Batch(_mm256_mask_mov_pd(rest.data, mask, x.data));
  }
};
#endif

#ifdef __AVX2__
// A window into this array that starts `count` before its middle has `count` lanes set.
template <class Arch>
inline constexpr std::int32_t kLaneWindow[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                 0,  0,  0,  0,  0,  0,  0,  0};

template <class Arch>
requires(kVectorMask<Arch> && !kWideMask<Arch>) struct LaneMask<Arch, float> {
  using Batch = xsimd::batch<float, Arch>;
  __m256i mask;
  std::int64_t count;
  explicit LaneMask(std::int64_t n)
      : mask(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLaneWindow<Arch> + 8 - n))),
        count(n) {}
  Batch load(const float* p) const { return Batch(_mm256_maskload_ps(p, mask)); }
  // Piece by piece: AMD's cores take some 15 cycles for a masked store.
  void store(float* p, Batch x) const {
    if (count & 8) {
      _mm256_storeu_ps(p, x.data);
      return;
    }
    __m128 rest = _mm256_castps256_ps128(x.data);
    if (count & 4) {
      _mm_storeu_ps(p, rest);
      rest = _mm256_extractf128_ps(x.data, 1);
      p += 4;
    }
    if (count & 2) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
      rest = _mm_movehl_ps(rest, rest);
      p += 2;
    }
    if (count & 1) _mm_store_ss(p, rest);
  }
  Batch select(Batch x, Batch rest) const {
    return Batch(_mm256_blendv_ps(rest.data, x.data, _mm256_castsi256_ps(mask)));
  }
};
template <class Arch>
requires(kVectorMask<Arch> && !kWideMask<Arch>) struct LaneMask<Arch, double> {
  using Batch = xsimd::batch<double, Arch>;
  __m256i mask;
  std::int64_t count;
  explicit LaneMask(std::int64_t n)
      : mask(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLaneWindow<Arch> + 8 - 2 * n))),
        count(n) {}
  Batch load(const double* p) const { return Batch(_mm256_maskload_pd(p, mask)); }
  void store(double* p, Batch x) const {
    if (count & 4) {
      _mm256_storeu_pd(p, x.data);
      return;
    }
    __m128d rest = _mm256_castpd256_pd128(x.data);
    if (count & 2) {
      _mm_storeu_pd(p, rest);
      rest = _mm256_extractf128_pd(x.data, 1);
      p += 2;
    }
    if (count & 1) _mm_store_sd(p, rest);
  }
  Batch select(Batch x, Batch rest) const {
    return Batch(_mm256_blendv_pd(rest.data, x.data, _mm256_castsi256_pd(mask)));
  }
};
#endif

/// x / y and the square root, correctly rounded. (On NEON xsimd 8.1 has floats by way of estimates,
/// which leave NaN where the result is 0 or infinite.)
template <class T, class Arch>
xsimd::batch<T, Arch> divide(xsimd::batch<T, Arch> x, xsimd::batch<T, Arch> y) {
  return xsimd::batch<T, Arch>(x.data / y.data);
}
template <class T, class Arch>
xsimd::batch<T, Arch> square_root(xsimd::batch<T, Arch> x) {
#ifdef __aarch64__
  if constexpr (sizeof(T) == sizeof(float)) return xsimd::batch<T, Arch>(vsqrtq_f32(x.data));
#endif
  return xsimd::sqrt(x);
}

/// Whether registers may be streamed to p.
template <class Arch, class T>
bool can_stream(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % sizeof(xsimd::batch<T, Arch>) == 0;
}

/// Stores past the caches: a line is not read before it is written and drives no other out. For
/// aligned p; not seen by other threads before end_stream().
template <class T, class Arch>
void stream(T* p, xsimd::batch<T, Arch> x) {
  constexpr bool is_float = sizeof(T) == sizeof(float);
#ifdef __AVX512F__
  if constexpr (kWideMask<Arch> && is_float) return _mm512_stream_ps(p, x.data);
  if constexpr (kWideMask<Arch> && !is_float) return _mm512_stream_pd(p, x.data);
#endif
#ifdef __AVX2__
  if constexpr (kVectorMask<Arch> && !kWideMask<Arch> && is_float) {
    return _mm256_stream_ps(p, x.data);
  }
  if constexpr (kVectorMask<Arch> && !kWideMask<Arch> && !is_float) {
    return _mm256_stream_pd(p, x.data);
  }
#endif
#ifdef __SSE2__
  if constexpr (std::is_same_v<Arch, xsimd::sse2> && is_float) return _mm_stream_ps(p, x.data);
  if constexpr (std::is_same_v<Arch, xsimd::sse2> && !is_float) return _mm_stream_pd(p, x.data);
#endif
  x.store_aligned(p);
}

template <class Arch>
void end_stream() {
#ifdef __SSE2__
  _mm_sfence();
#endif
}

/// x * y + z in one rounding where the set has it. (xsimd 8.1's fma multiplies and adds on
/// AVX-512.)
template <class T, class Arch>
xsimd::batch<T, Arch> multiply_add(xsimd::batch<T, Arch> x, xsimd::batch<T, Arch> y,
                                   xsimd::batch<T, Arch> z) {
#ifdef __AVX512F__
  if constexpr (kWideMask<Arch>) {
    if constexpr (sizeof(T) == sizeof(float)) {
      return xsimd::batch<T, Arch>(_mm512_fmadd_ps(x.data, y.data, z.data));
    } else {
      return xsimd::batch<T, Arch>(_mm512_fmadd_pd(x.data, y.data, z.data));
    }
  } else {
    return xsimd::fma(x, y, z);
  }
#else
  return xsimd::fma(x, y, z);
#endif
}

}  // namespace heed::simd
