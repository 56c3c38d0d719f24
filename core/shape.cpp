#include "core/shape.h"

namespace heed {

std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  out << '[';
  for (std::int64_t i = 0; i < dims.size(); ++i) out << (i ? ", " : "") << dims[i];
  return out << ']';
}

void detail::fail_sizes(const Dims& sizes) {
  for (const std::int64_t size : sizes) {
    HEED_CHECK(size >= 0, "Trying to create tensor with negative dimension ", size, ": ", sizes);
  }
  fail("the number of elements of a tensor of size ", sizes, " overflows int64");
}

bool is_contiguous(const Dims& sizes, const Dims& strides) {
  std::int64_t expected = 1;
  for (std::int64_t d = sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] == 0) return true;
    if (sizes[d] != 1) {
      if (strides[d] != expected) {
        return std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
      }
      expected *= sizes[d];
    }
  }
  return true;
}

std::int64_t wrap_dim(std::int64_t dim, std::int64_t ndim) {
  const std::int64_t range = std::max<std::int64_t>(ndim, 1);
  HEED_CHECK(-range <= dim && dim < range, "Dimension out of range (expected to be in range of [",
             -range, ", ", range - 1, "], but got ", dim, ")");
  return dim < 0 ? dim + range : dim;
}

std::uint32_t dim_mask(const Dims& dims, std::int64_t ndim) {
  if (dims.empty()) return (1u << ndim) - 1;
  std::uint32_t mask = 0;
  for (const std::int64_t d : dims) {
    const std::uint32_t bit = 1u << wrap_dim(d, ndim);
    HEED_CHECK(!(mask & bit), "dim ", wrap_dim(d, ndim),
               " appears multiple times in the list of dims");
    mask |= bit;
  }
  return mask;
}

Dims broadcast_shapes(const Dims& a, const Dims& b) {
  const std::int64_t ndim = std::max(a.size(), b.size());
  Dims out = a.size() >= b.size() ? a : b;
  for (std::int64_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const std::int64_t sa = a[a.size() - 1 - i], sb = b[b.size() - 1 - i];
    HEED_CHECK(sa == sb || sa == 1 || sb == 1, "The size of tensor a (", sa,
               ") must match the size of tensor b (", sb, ") at non-singleton dimension ",
               ndim - 1 - i, " (shapes ", a, " and ", b, ")");
    out[ndim - 1 - i] = sa == 1 ? sb : sa;
  }
  return out;
}

bool is_broadcastable_to(const Dims& from, const Dims& to) {
  if (from.size() > to.size()) return false;
  for (std::int64_t i = 1; i <= from.size(); ++i) {
    const std::int64_t size = from[from.size() - i];
    if (size != 1 && size != to[to.size() - i]) return false;
  }
  return true;
}

Dims broadcast_strides(const Dims& sizes, const Dims& strides, const Dims& to) {
  Dims out = Dims::filled(to.size(), 0);
  for (std::int64_t i = 1; i <= sizes.size(); ++i) {
    const std::int64_t d = sizes.size() - i;
    out[to.size() - i] = sizes[d] == 1 ? 0 : strides[d];
  }
  return out;
}

}  // namespace heed
