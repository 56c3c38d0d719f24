// From a dtype at run time to an element type at compile time.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/error.h"

namespace heed::detail {

/// Calls f.operator()<T>() with the element type of dtype.
template <class F>
auto dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    case DType::Int64: return f.template operator()<std::int64_t>();
    case DType::Bool: break;
  }
  return f.template operator()<bool>();
}

/// The same for float and double only; `op` names the operation in the error.
template <class F>
auto dispatch_floating(DType dtype, const char* op, F&& f) {
  if (dtype == DType::Float32) return f.template operator()<float>();
  if (dtype != DType::Float64) {
    fail("\"", op, "\" not implemented for '", scalar_type_name(dtype), "'");
  }
  return f.template operator()<double>();
}

}  // namespace heed::detail
