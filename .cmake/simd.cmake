# The kernels: core/simd/arch_<set>*.cpp are compiled with the flags of their instruction set, the
# rest of core/simd as everything else (core/simd/kernels.h has the rules). HEED_HAVE_<SET> tells the
# code which tables were built. The CPU must have every feature named here before a table is used.
include(CheckCXXCompilerFlag)

set(heed_flags_sse2 -msse2)
set(heed_flags_avx2 -mavx2 -mfma)
set(heed_flags_avx512 -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma
                      -mprefer-vector-width=512)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC's own avx512fintrin.h: _mm512_undefined_* looks uninitialized once inlined (GCC bug 105593).
  list(APPEND heed_flags_avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
set(heed_flags_neon "")  # part of the base of every 64-bit ARM

# Register tiles are long functions, and each inlined check adds a branch out of their loops, which
# clang's passes walk again and again: a quarter of an hour for one file. So AddressSanitizer calls
# its checks there, and those of UBSan that ask before every access what AddressSanitizer or an
# aligned load would catch are left out.
set(heed_flags_sanitized "")
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_FLAGS MATCHES "fsanitize=")
  set(heed_flags_sanitized -fno-sanitize=null,alignment,pointer-overflow
                           -mllvm -asan-instrumentation-with-call-threshold=0)
endif()

string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" heed_processor)
if(heed_processor MATCHES "x86_64|amd64" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  set(heed_sets sse2 avx2 avx512)
elseif(heed_processor MATCHES "aarch64|arm64")
  set(heed_sets neon)
else()
  set(heed_sets "")
endif()

file(GLOB heed_simd_sources CONFIGURE_DEPENDS core/simd/*.cpp core/simd/reference/*.cpp)
list(FILTER heed_simd_sources EXCLUDE REGEX "/arch_[a-z0-9_]+\\.cpp$")
target_sources(heed PRIVATE ${heed_simd_sources})

foreach(set IN LISTS heed_sets)
  file(GLOB sources CONFIGURE_DEPENDS core/simd/arch_${set}*.cpp)
  string(REPLACE ";" " " flags "${heed_flags_${set}}")
  string(TOUPPER ${set} upper)
  check_cxx_compiler_flag("${flags}" HEED_COMPILER_HAS_${upper})
  if(HEED_COMPILER_HAS_${upper})
    target_sources(heed PRIVATE ${sources})
    # -O3 in every configuration: without inlining, small functions that other files share would be
    # left in these objects (tests/check_simd_symbols), and the tests would take minutes.
    set(options ${heed_flags_${set}} ${heed_flags_sanitized} $<$<NOT:$<CONFIG:Release>>:-O3>)
    set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${options}")
    target_compile_definitions(heed PRIVATE HEED_HAVE_${upper}=1)
  endif()
endforeach()
