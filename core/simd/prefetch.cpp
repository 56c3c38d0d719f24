#include "core/simd/prefetch.h"

#include "core/simd/processor.h"

namespace heed::simd {

const bool kCoreFetches = is_amd();

}  // namespace heed::simd
