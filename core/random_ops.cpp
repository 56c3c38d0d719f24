// Tensors filled with random numbers: uniform_, normal_, bernoulli_ and the factories on them.
//
// The order of draws is PyTorch's. A contiguous tensor is filled from its first element to its
// last; any other in the order of its memory, fastest stride innermost, so that a transposed matrix
// gets the numbers that the matrix itself would get. normal_ uses its blocks of 16 for contiguous
// tensors only.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/dispatch.h"
#include "core/ops/inplace.h"
#include "core/random.h"

namespace heed {
namespace {

using detail::dispatch;
using detail::dispatch_floating;
using Lock = std::lock_guard<std::mutex>;

Generator& chosen(Generator* generator) { return generator ? *generator : default_generator(); }

// The dims from the fastest varying to the slowest. Dims whose order strides do not tell (a stride
// of 0, or equal ones) keep row-major order, unless the larger size must come out.
Dims memory_order(const Dims& sizes, const Dims& strides) {
  const std::int64_t ndim = sizes.size();
  Dims order;
  for (std::int64_t d = ndim - 1; d >= 0; --d) order.push_back(d);
  const auto compare = [&](std::int64_t a, std::int64_t b) {
    if (strides[a] == 0 || strides[b] == 0) return 0;
    if (strides[a] != strides[b]) return strides[a] < strides[b] ? -1 : 1;
    return sizes[a] > sizes[b] ? 1 : 0;
  };
  for (std::int64_t i = 1; i < ndim; ++i) {
    std::int64_t at = i;
    for (std::int64_t j = i - 1; j >= 0; --j) {
      const int order_of = compare(order[j], order[at]);
      if (order_of < 0) break;
      if (order_of > 0) {
        std::swap(order[j], order[at]);
        at = j;
      }
    }
  }
  return order;
}

// True where the elements fill their memory without gaps or overlaps, in whatever order of dims.
bool is_dense(const Dims& sizes, const Dims& strides) {
  const Dims order = memory_order(sizes, strides);
  std::int64_t expected = 1;
  for (const std::int64_t d : order) {
    if (sizes[d] <= 1) continue;
    if (strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

// Calls f(offset) for each element of a tensor of these sizes in the given order of dims, with the
// element's offset by `strides`.
template <class F>
void for_each_in_order(const Dims& sizes, const Dims& strides, const Dims& order, F f) {
  for (const std::int64_t size : sizes) {
    if (size == 0) return;
  }
  Dims at = Dims::filled(sizes.size(), 0);
  std::int64_t offset = 0;
  while (true) {
    f(offset);
    std::int64_t i = 0;
    for (; i < order.size(); ++i) {
      const std::int64_t d = order[i];
      offset += strides[d];
      if (++at[d] < sizes[d]) break;
      offset -= strides[d] * sizes[d];
      at[d] = 0;
    }
    if (i == order.size()) return;
  }
}

template <class T, class Draw>
void fill_one_by_one(const Tensor& x, Draw draw) {
  T* data = x.data<T>();
  for_each_in_order(x.sizes(), x.strides(), memory_order(x.sizes(), x.strides()),
                    [&](std::int64_t offset) { data[offset] = static_cast<T>(draw()); });
}

// An empty tensor of the sizes of x whose memory is ordered as that of x, without gaps.
Tensor empty_with_layout(const Tensor& x, DType dtype) {
  const Tensor y = detail::make_tensor(x.sizes(), dtype);
  if (x.is_contiguous()) return y;
  Dims strides = y.strides();
  std::int64_t stride = 1;
  for (const std::int64_t d : memory_order(x.sizes(), x.strides())) {
    strides[d] = stride;
    stride *= x.sizes()[d];
  }
  return detail::make_alias(y, x.sizes(), strides, 0);
}

// What PyTorch makes of "like x": the layout of x where that is dense, else row-major.
Tensor empty_like_layout(const Tensor& x, DType dtype) {
  return is_dense(x.sizes(), x.strides()) ? empty_with_layout(x, dtype)
                                          : detail::make_tensor(x.sizes(), dtype);
}

// Calls fill(x, in_blocks), in_blocks telling whether x is contiguous. What is written over has no
// say in the result: a tensor with a history is given the random values by copy_, which ends that
// history; any other is written directly.
template <class Fill>
const Tensor& fill_random(const Tensor& x, Fill fill) {
  detail::check_writable(x);
  if (grad_enabled() && x.requires_grad()) {
    const Tensor values = empty_with_layout(x, x.dtype());
    fill(values, x.is_contiguous());
    return x.copy_(values);
  }
  fill(x, x.is_contiguous());
  detail::bump_version(x);
  return x;
}

void check_probabilities(bool valid) {
  HEED_CHECK(valid,
             "Expected p_in >= 0 && p_in <= 1 to be true, but got false: a probability given to "
             "bernoulli is outside [0, 1]");
}

// Error texts as PyTorch's, worded with the name of the C++ type.
template <class T>
constexpr const char* kTypeName = sizeof(T) == sizeof(float) ? "Float" : "Double";

// The samples of one row without replacement: dividing each weight by an exponential draw and
// keeping the largest is sampling in proportion to the weights, one after another (Efraimidis and
// Spirakis 2006).
template <class T>
void sample_without_replacement(const T* weights, const T* exponentials, std::int64_t n,
                                std::int64_t* out, std::int64_t samples) {
  std::vector<T> keys(static_cast<std::size_t>(n));
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t j = 0; j < n; ++j) {
    keys[static_cast<std::size_t>(j)] = weights[j] / exponentials[j];
    order[static_cast<std::size_t>(j)] = j;
  }
  std::partial_sort(order.begin(), order.begin() + samples, order.end(),
                    [&](std::int64_t a, std::int64_t b) {
                      const T ka = keys[static_cast<std::size_t>(a)];
                      const T kb = keys[static_cast<std::size_t>(b)];
                      return ka != kb ? ka > kb : a < b;
                    });
  std::copy(order.begin(), order.begin() + samples, out);
}

// The samples of one row with replacement, by bisection of the cumulative distribution.
template <class T>
void sample_with_replacement(const T* weights, std::int64_t n, std::int64_t* out,
                             std::int64_t samples, Generator& generator) {
  std::vector<T> cumulative(static_cast<std::size_t>(n));
  T total = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    total += weights[j];
    cumulative[static_cast<std::size_t>(j)] = total;
  }
  for (T& value : cumulative) value /= total;
  for (std::int64_t s = 0; s < samples; ++s) {
    const double u = generator.uniform_double();
    const auto at = std::partition_point(cumulative.begin(), cumulative.end(),
                                         [&](T value) { return static_cast<double>(value) < u; });
    out[s] = std::min<std::int64_t>(at - cumulative.begin(), n - 1);
  }
}

}  // namespace

const Tensor& Tensor::uniform_(double low, double high, Generator* generator) const {
  dispatch_floating(dtype(), "check_uniform_bounds", [&]<class T>() {
    constexpr auto kMax = static_cast<double>(std::numeric_limits<T>::max());
    HEED_CHECK(-kMax <= low && low <= kMax, "from is out of bounds for ", dtype_name(dtype()));
    HEED_CHECK(-kMax <= high && high <= kMax, "to is out of bounds for ", dtype_name(dtype()));
    HEED_CHECK(low <= high, "uniform_ expects to return a [from, to) range, but found from=", low,
               " > to=", high);
    HEED_CHECK(high - low <= kMax, "uniform_ expects to-from <= std::numeric_limits<", kTypeName<T>,
               ">::max(), but found to=", high, " and from=", low,
               " which result in to-from to exceed the limit");
  });
  return fill_random(*this, [&](const Tensor& x, bool in_blocks) {
    dispatch_floating(x.dtype(), "uniform_", [&]<class T>() {
      const T from = static_cast<T>(low), to = static_cast<T>(high);
      Generator& source = chosen(generator);
      const Lock lock(source.mutex());
      if (in_blocks) {
        source.fill_uniform(x.data<T>(), x.numel(), from, to);
      } else {
        fill_one_by_one<T>(x, [&] { return source.uniform(from, to); });
      }
    });
  });
}

const Tensor& Tensor::normal_(double mean, double std, Generator* generator) const {
  HEED_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
  HEED_CHECK(is_floating_point(), "\"normal_kernel_cpu\" not implemented for '",
             scalar_type_name(dtype()), "'");
  return fill_random(*this, [&](const Tensor& x, bool in_blocks) {
    dispatch_floating(x.dtype(), "normal_", [&]<class T>() {
      Generator& source = chosen(generator);
      const Lock lock(source.mutex());
      if (in_blocks) {
        source.fill_normal(x.data<T>(), x.numel(), mean, std);
      } else {
        fill_one_by_one<T>(x, [&] { return std::fma(source.normal(), std, mean); });
      }
    });
  });
}

const Tensor& Tensor::bernoulli_(double p, Generator* generator) const {
  HEED_CHECK(0 <= p && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  return fill_random(*this, [&](const Tensor& x, bool) {
    dispatch(x.dtype(), [&]<class T>() {
      Generator& source = chosen(generator);
      const Lock lock(source.mutex());
      fill_one_by_one<T>(x, [&] { return source.uniform_double() < p; });
    });
  });
}

Tensor rand(const Dims& sizes, const TensorOptions& options) {
  const Tensor x = empty(sizes, {.dtype = options.dtype.value_or(DType::Float32)});
  x.uniform_(0, 1, options.generator);
  if (options.requires_grad) x.requires_grad_();
  return x;
}

Tensor randn(const Dims& sizes, const TensorOptions& options) {
  const Tensor x = empty(sizes, {.dtype = options.dtype.value_or(DType::Float32)});
  x.normal_(0, 1, options.generator);
  if (options.requires_grad) x.requires_grad_();
  return x;
}

Tensor randint(std::int64_t low, std::int64_t high, const Dims& sizes,
               const TensorOptions& options) {
  HEED_CHECK(low < high, "random_ expects 'from' to be less than 'to', but got from=", low,
             " >= to=", high);
  const DType dtype = options.dtype.value_or(DType::Int64);
  HEED_CHECK(dtype != DType::Bool || (0 <= low && low <= 1),
             "from is out of bounds for bool, but got from=", low);
  HEED_CHECK(dtype != DType::Bool || high <= 2,
             "to - 1 is out of bounds for bool, but got to=", high);
  const Tensor x = empty(sizes, {.dtype = dtype, .requires_grad = options.requires_grad});
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  Generator& source = chosen(options.generator);
  const Lock lock(source.mutex());
  dispatch(dtype, [&]<class T>() {
    T* data = x.data<T>();
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const auto drawn =
          static_cast<std::uint64_t>(low) + static_cast<std::uint64_t>(source.below(range));
      data[i] = static_cast<T>(static_cast<std::int64_t>(drawn));
    }
  });
  return x;
}

Tensor randint(std::int64_t high, const Dims& sizes, const TensorOptions& options) {
  return randint(0, high, sizes, options);
}

Tensor randperm(std::int64_t n, const TensorOptions& options) {
  const Tensor x = empty(
      {n}, {.dtype = options.dtype.value_or(DType::Int64), .requires_grad = options.requires_grad});
  Generator& source = chosen(options.generator);
  const Lock lock(source.mutex());
  dispatch(x.dtype(), [&]<class T>() {
    T* data = x.data<T>();
    for (std::int64_t i = 0; i < n; ++i) data[i] = static_cast<T>(i);
    for (std::int64_t i = 0; i + 1 < n; ++i) {
      std::swap(data[i], data[i + source.below(static_cast<std::uint64_t>(n - i))]);
    }
  });
  return x;
}

Tensor rand_like(const Tensor& x, const TensorOptions& options) {
  const Tensor y = empty_like_layout(x, options.dtype.value_or(x.dtype()));
  y.uniform_(0, 1, options.generator);
  if (options.requires_grad) y.requires_grad_();
  return y;
}

Tensor randn_like(const Tensor& x, const TensorOptions& options) {
  const Tensor y = empty_like_layout(x, options.dtype.value_or(x.dtype()));
  y.normal_(0, 1, options.generator);
  if (options.requires_grad) y.requires_grad_();
  return y;
}

Tensor bernoulli(const Tensor& probabilities, Generator* generator) {
  const Tensor y = empty_like_layout(probabilities, probabilities.dtype());
  dispatch_floating(probabilities.dtype(), "bernoulli_tensor_cpu_p_", [&]<class T>() {
    const T* p = probabilities.data<T>();
    T* out = y.data<T>();
    const Dims order = memory_order(y.sizes(), y.strides());
    for_each_in_order(y.sizes(), probabilities.strides(), order,
                      [&](std::int64_t at) { check_probabilities(p[at] >= 0 && p[at] <= 1); });
    Generator& source = chosen(generator);
    const Lock lock(source.mutex());
    std::vector<T> drawn;
    drawn.reserve(static_cast<std::size_t>(y.numel()));
    for_each_in_order(y.sizes(), probabilities.strides(), order, [&](std::int64_t at) {
      // PyTorch draws a uniform number of the probabilities' own type.
      const T u = std::is_same_v<T, float> ? static_cast<T>(source.uniform_float())
                                           : static_cast<T>(source.uniform_double());
      drawn.push_back(u < p[at] ? T{1} : T{0});
    });
    auto next = drawn.begin();
    for_each_in_order(y.sizes(), y.strides(), order, [&](std::int64_t at) { out[at] = *next++; });
  });
  return y;
}

Tensor multinomial(const Tensor& weights, std::int64_t num_samples, bool replacement,
                   Generator* generator) {
  HEED_CHECK(weights.is_floating_point(),
             "multinomial only supports floating-point dtypes for input, got: ",
             scalar_type_name(weights.dtype()));
  HEED_CHECK(weights.dim() == 1 || weights.dim() == 2,
             "prob_dist must be 1 or 2 dim, but has size ", weights.sizes());
  HEED_CHECK(num_samples > 0, "cannot sample n_sample <= 0 samples, but got ", num_samples);
  const std::int64_t n = weights.size(-1), rows = weights.dim() == 2 ? weights.size(0) : 1;
  HEED_CHECK(replacement || num_samples <= n,
             "cannot sample n_sample > prob_dist.size(-1) samples without replacement: ",
             num_samples, " samples of size ", weights.sizes());
  const Tensor out = detail::make_tensor(
      weights.dim() == 2 ? Dims{rows, num_samples} : Dims{num_samples}, DType::Int64);
  const NoGradGuard guard;
  const Tensor rowwise = weights.contiguous();
  dispatch_floating(weights.dtype(), "multinomial", [&]<class T>() {
    const T* p = rowwise.data<T>();
    std::int64_t* drawn = out.data<std::int64_t>();
    for (std::int64_t r = 0; r < rows; ++r) {
      T total = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        const T value = p[r * n + j];
        HEED_CHECK(value >= 0 && std::isfinite(value),
                   "probability tensor contains either `inf`, `nan` or element < 0: ", value,
                   " at row ", r, ", column ", j);
        total += value;
      }
      HEED_CHECK(total > 0, "invalid multinomial distribution (sum of probabilities <= 0) in row ",
                 r);
    }
    Generator& source = chosen(generator);
    const Lock lock(source.mutex());
    if (replacement && num_samples > 1) {
      for (std::int64_t r = 0; r < rows; ++r) {
        sample_with_replacement(p + r * n, n, drawn + r * num_samples, num_samples, source);
      }
      return;
    }
    // The exponentials are drawn in the order of the weights' memory.
    const Tensor exponentials = empty_like_layout(weights, weights.dtype());
    fill_one_by_one<T>(exponentials, [&] { return -std::log1p(-source.uniform_double()); });
    const Tensor rowwise_exponentials = exponentials.contiguous();
    const T* e = rowwise_exponentials.data<T>();
    for (std::int64_t r = 0; r < rows; ++r) {
      sample_without_replacement(p + r * n, e + r * n, n, drawn + r * num_samples, num_samples);
    }
  });
  return out;
}

}  // namespace heed
