// a + b, a - b, a b, a / b, a ^ b, maximum, minimum, and their mixtures with numbers.
//
// Gradients of broadcast operands are summed back by the engine, so each backward reads as if the
// shapes were equal.
#include "core/factory.h"
#include "core/ops/common.h"
#include "core/simd/kernels.h"

namespace heed {

using namespace detail;
using simd::BinaryOp;

namespace detail {

DType result_type(const Tensor& a, const Tensor& b) {
  const DType ta = a.dtype(), tb = b.dtype();
  if (ta == tb) return ta;
  const auto category = [](DType t) { return t == DType::Bool ? 0 : t == DType::Int64 ? 1 : 2; };
  if (category(ta) == category(tb) && (a.dim() == 0) != (b.dim() == 0)) {
    return a.dim() == 0 ? tb : ta;
  }
  if (a.dim() == 0 && b.dim() > 0 && category(tb) > category(ta)) return tb;
  if (b.dim() == 0 && a.dim() > 0 && category(ta) > category(tb)) return ta;
  if (category(ta) != category(tb)) return category(ta) > category(tb) ? ta : tb;
  return promote(ta, tb);
}

Tensor scalar_tensor(Scalar value, DType dtype) {
  Tensor x = make_tensor({}, dtype);
  dispatch(dtype, [&]<class T>() { *x.data<T>() = value.to<T>(); });
  return x;
}

Tensor binary_kernel(BinaryOp op, const Tensor& a, const Tensor& b) {
  const bool same = a.sizes() == b.sizes();
  Tensor out = same ? make_tensor(a.sizes(), a.dtype())
                    : make_tensor(broadcast_shapes(a.sizes(), b.sizes()), a.dtype());
  dispatch_floating(a.dtype(), "arithmetic",
                    [&]<class T>() { binary_into<T>(out, kernel_of<T>(op, out), a, b); });
  return out;
}

}  // namespace detail

namespace {

std::int64_t integer_pow(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  auto result = std::uint64_t{1};
  for (auto b = static_cast<std::uint64_t>(base); exponent; exponent >>= 1, b *= b) {
    if (exponent & 1) result *= b;
  }
  return static_cast<std::int64_t>(result);
}

// int64 wraps around, as PyTorch's does: computed unsigned.
std::int64_t integer_op(BinaryOp op, std::int64_t a, std::int64_t b) {
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  switch (op) {
    case BinaryOp::Add: return static_cast<std::int64_t>(ua + ub);
    case BinaryOp::Sub: return static_cast<std::int64_t>(ua - ub);
    case BinaryOp::Mul: return static_cast<std::int64_t>(ua * ub);
    case BinaryOp::Maximum: return std::max(a, b);
    case BinaryOp::Minimum: return std::min(a, b);
    default: return integer_pow(a, b);
  }
}

Tensor integer_kernel(BinaryOp op, const Tensor& a, const Tensor& b) {
  Tensor out = make_tensor(broadcast_shapes(a.sizes(), b.sizes()), a.dtype());
  const auto run = [&]<class T>() {
    elementwise<T, T, T>(
        out,
        [op](T* o, std::int64_t n, const T* x, const T* y, std::int64_t sx, std::int64_t sy) {
          for (std::int64_t i = 0; i < n; ++i) {
            o[i] = static_cast<T>(integer_op(op, x[i * sx], y[i * sy]));
          }
        },
        a, b);
  };
  if (a.dtype() == DType::Int64) {
    run.operator()<std::int64_t>();
  } else {
    run.operator()<bool>();
  }
  return out;
}

/// The values of op(a, b) with types promoted. Tensors come back converted, still in the graph.
Tensor binary_values(BinaryOp op, Tensor& a, Tensor& b) {
  if (a.dtype() != b.dtype()) {
    const DType type = result_type(a, b);
    a = as_type(a, type);
    b = as_type(b, type);
  }
  return a.is_floating_point() ? binary_kernel(op, a, b) : integer_kernel(op, a, b);
}

/// op(x, number) or op(number, x).
Tensor scalar_values(BinaryOp op, const Tensor& x, Scalar number, bool number_first = false) {
  if (x.is_floating_point()) {
    Tensor out = make_tensor(x.sizes(), x.dtype());
    dispatch_floating(x.dtype(), "arithmetic", [&]<class T>() {
      const auto kernel = kernel_of<T>(op, out);
      const T value = number.to<T>();
      elementwise<T, T>(
          out,
          [&](T* o, std::int64_t n, const T* in, std::int64_t step) {
            if (number_first) {
              kernel(o, &value, 0, in, step, n);
            } else {
              kernel(o, in, step, &value, 0, n);
            }
          },
          x);
    });
    return out;
  }
  const DType type = number.promote_with(x.dtype());
  Tensor a = as_type(x, type), b = scalar_tensor(number, type);
  return number_first ? binary_values(op, b, a) : binary_values(op, a, b);
}

Scalar as_scalar(double value) { return Scalar(value); }

}  // namespace

// ---- y = a + α b;  da = dy,  db = α dy

struct AddBackward final : Node {
  double alpha;
  explicit AddBackward(double alpha_) : alpha(alpha_) {}
  const char* name() const override { return "AddBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {dy, needs(1) ? (alpha == 1 ? dy : mul(dy, as_scalar(alpha))) : Tensor()};
  }
};

// ---- y = a + number;  da = dy

struct AddScalarBackward final : Node {
  const char* name() const override { return "AddBackward0"; }
  Grads backward(const Tensor& dy) override { return dy; }
};

namespace {

bool is_one(Scalar alpha) { return alpha.to_double() == 1; }

void check_alpha(const Tensor& y, Scalar alpha) {
  HEED_CHECK(y.is_floating_point() || !alpha.is_real(),
             "For integral input tensors, argument alpha must not be a floating point number.");
}

}  // namespace

Tensor add(const Tensor& a_, const Tensor& b_, Scalar alpha) {
  Tensor a = a_, b = b_;
  if (is_one(alpha))
    return record<AddBackward>(binary_values(BinaryOp::Add, a, b), inputs(a, b), 1.0);
  Tensor scaled = scalar_values(BinaryOp::Mul, b, alpha);
  Tensor y = binary_values(BinaryOp::Add, a, scaled);
  check_alpha(y, alpha);
  return record<AddBackward>(y, inputs(a, b), alpha.to_double());
}

Tensor add(const Tensor& a, Scalar b) {
  return record<AddScalarBackward>(scalar_values(BinaryOp::Add, a, b), inputs(a));
}

// ---- y = a - α b;  da = dy,  db = -α dy

struct SubBackward final : Node {
  double alpha;
  explicit SubBackward(double alpha_) : alpha(alpha_) {}
  const char* name() const override { return "SubBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {dy, needs(1) ? (alpha == 1 ? neg(dy) : mul(dy, as_scalar(-alpha))) : Tensor()};
  }
};

struct SubScalarBackward final : Node {
  const char* name() const override { return "SubBackward0"; }
  Grads backward(const Tensor& dy) override { return dy; }
};

namespace {

void check_subtractable(DType a, DType b) {
  HEED_CHECK(
      a != DType::Bool || b != DType::Bool,
      "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
      "`logical_xor()` operator instead.");
}

}  // namespace

Tensor sub(const Tensor& a_, const Tensor& b_, Scalar alpha) {
  check_subtractable(a_.dtype(), b_.dtype());
  Tensor a = a_, b = b_;
  if (is_one(alpha))
    return record<SubBackward>(binary_values(BinaryOp::Sub, a, b), inputs(a, b), 1.0);
  Tensor scaled = scalar_values(BinaryOp::Mul, b, alpha);
  Tensor y = binary_values(BinaryOp::Sub, a, scaled);
  check_alpha(y, alpha);
  return record<SubBackward>(y, inputs(a, b), alpha.to_double());
}

Tensor sub(const Tensor& a, Scalar b) {
  return record<SubScalarBackward>(scalar_values(BinaryOp::Sub, a, b), inputs(a));
}

// ---- y = number - a;  da = -dy

struct RsubBackward final : Node {
  const char* name() const override { return "RsubBackward1"; }
  Grads backward(const Tensor& dy) override { return neg(dy); }
};

Tensor rsub(const Tensor& a, Scalar b) {
  return record<RsubBackward>(scalar_values(BinaryOp::Sub, a, b, true), inputs(a));
}

// ---- y = a b;  da = dy b,  db = dy a

struct MulBackward final : Node {
  SavedTensor a, b;
  MulBackward(const Tensor& a_, const Tensor& b_, bool save_a, bool save_b)
      : a(this, save_a ? a_ : Tensor()), b(this, save_b ? b_ : Tensor()) {}
  const char* name() const override { return "MulBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {needs(0) ? mul(dy, b) : Tensor(), needs(1) ? mul(dy, a) : Tensor()};
  }
};

struct MulScalarBackward final : Node {
  Scalar number;
  explicit MulScalarBackward(Scalar value) : number(value) {}
  const char* name() const override { return "MulBackward0"; }
  Grads backward(const Tensor& dy) override { return mul(dy, number); }
  std::string detail() const override { return concat("by ", number.to_double()); }
};

Tensor mul(const Tensor& a_, const Tensor& b_) {
  Tensor a = a_, b = b_;
  Tensor y = binary_values(BinaryOp::Mul, a, b);
  return record<MulBackward>(std::move(y), inputs(a, b), a, b, b.requires_grad(),
                             a.requires_grad());
}

Tensor mul(const Tensor& a, Scalar b) {
  return record<MulScalarBackward>(scalar_values(BinaryOp::Mul, a, b), inputs(a), b);
}

// ---- y = a / b;  da = dy / b,  db = -dy (a / b) / b

struct DivBackward final : Node {
  SavedTensor a, b;
  DivBackward(const Tensor& a_, const Tensor& b_, bool save_a)
      : a(this, save_a ? a_ : Tensor()), b(this, b_) {}
  const char* name() const override { return "DivBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor divisor = b;
    return {needs(0) ? div(dy, divisor) : Tensor(),
            needs(1) ? mul(neg(dy), div(div(a, divisor), divisor)) : Tensor()};
  }
};

struct DivScalarBackward final : Node {
  Scalar number;
  explicit DivScalarBackward(Scalar value) : number(value) {}
  const char* name() const override { return "DivBackward0"; }
  Grads backward(const Tensor& dy) override { return div(dy, number); }
  std::string detail() const override { return concat("by ", number.to_double()); }
};

Tensor div(const Tensor& a_, const Tensor& b_) {
  Tensor a = a_, b = b_;
  if (!a.is_floating_point() && !b.is_floating_point())
    a = to(a, DType::Float32), b = to(b, DType::Float32);
  Tensor y = binary_values(BinaryOp::Div, a, b);
  return record<DivBackward>(std::move(y), inputs(a, b), a, b, b.requires_grad());
}

Tensor div(const Tensor& a_, Scalar b) {
  const Tensor a = as_type(a_, real_type(a_.dtype()));
  return record<DivScalarBackward>(scalar_values(BinaryOp::Div, a, b), inputs(a), b);
}

// ---- y = a ^ b;  da = dy b a^(b-1), 0 where b = 0;  db = dy y log a, 0 where a = 0 and b >= 0

namespace {

Tensor pow_base_grad(const Tensor& dy, const Tensor& a, const Tensor& b) {
  return where(eq(b, 0), Scalar(0.0), mul(dy, mul(b, pow(a, sub(b, 1)))));
}

}  // namespace

struct PowBackward final : Node {
  SavedTensor a, b;
  SavedOutput y;
  PowBackward(const Tensor& a_, const Tensor& b_, const Tensor& y_)
      : a(this, a_), b(this, b_), y(this, y_) {}
  const char* name() const override { return "PowBackward1"; }
  Grads backward(const Tensor& dy) override {
    const Tensor base = a, exponent = b;
    Tensor da, db;
    if (needs(0)) da = pow_base_grad(dy, base, exponent);
    if (needs(1)) {
      const Tensor flat = logical_and(eq(base, 0), ge(exponent, 0));
      // The logarithm in the type of y, also of whole numbers.
      db = mul(dy, where(flat, Scalar(0.0), mul(y, log(to(base, dy.dtype())))));
    }
    return {da, db};
  }
};

// The base alone: y = a ^ number
struct PowScalarBackward final : Node {
  SavedTensor a;
  double number;
  PowScalarBackward(const Tensor& a_, double exponent) : a(this, a_), number(exponent) {}
  const char* name() const override { return "PowBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor base = a;
    if (number == 0) return zeros_like(base);
    if (number == 1) return dy;
    if (number == 2) return mul(dy, mul(base, Scalar(2.0)));
    return mul(dy, mul(pow(base, as_scalar(number - 1)), as_scalar(number)));
  }
  std::string detail() const override { return concat("to the ", number); }
};

Tensor pow(const Tensor& a_, const Tensor& b_) {
  Tensor a = a_, b = b_;
  HEED_CHECK(a.is_floating_point() || b.is_floating_point() || b.dtype() == DType::Bool ||
                 b.numel() == 0 || !any(lt(b, 0)).item<bool>(),
             "Integers to negative integer powers are not allowed.");
  Tensor y = binary_values(BinaryOp::Pow, a, b);
  return record<PowBackward>(y, inputs(a, b), a, b, y);
}

Tensor pow(const Tensor& a_, Scalar b) {
  Tensor a = a_;
  if (!a.is_floating_point()) {
    HEED_CHECK(b.is_real() || b.to_int64() >= 0,
               "Integers to negative integer powers are not allowed.");
    a = as_type(a, b.promote_with(a.dtype()));
  }
  Tensor y = b.to_double() == 2 && a.is_floating_point() ? unary_kernel(simd::UnaryOp::Square, a)
                                                         : scalar_values(BinaryOp::Pow, a, b);
  return record<PowScalarBackward>(std::move(y), inputs(a), a, b.to_double());
}

Tensor pow(Scalar a, const Tensor& b) {
  const DType type = a.promote_with(b.dtype());
  return pow(scalar_tensor(a, type), as_type(b, type));
}

// ---- y = max(a, b): the gradient goes to the larger; equal ones take half each

template <BinaryOp kOp>
struct MaximumBackward final : Node {
  SavedTensor a, b;
  MaximumBackward(const Tensor& a_, const Tensor& b_) : a(this, a_), b(this, b_) {}
  const char* name() const override {
    return kOp == BinaryOp::Maximum ? "MaximumBackward0" : "MinimumBackward0";
  }
  Grads backward(const Tensor& dy) override {
    const Tensor x = a, z = b;
    const Tensor tie = eq(x, z);
    const Tensor half = where(tie, div(dy, 2), dy);
    const bool larger = kOp == BinaryOp::Maximum;
    // PyTorch masks out the loser: with a NaN on either side nobody loses and both get dy.
    return {needs(0) ? masked_fill(half, larger ? lt(x, z) : gt(x, z), 0) : Tensor(),
            needs(1) ? masked_fill(half, larger ? gt(x, z) : lt(x, z), 0) : Tensor()};
  }
};

Tensor maximum(const Tensor& a_, const Tensor& b_) {
  Tensor a = a_, b = b_;
  Tensor y = binary_values(BinaryOp::Maximum, a, b);
  return record<MaximumBackward<BinaryOp::Maximum>>(std::move(y), inputs(a, b), a, b);
}

Tensor minimum(const Tensor& a_, const Tensor& b_) {
  Tensor a = a_, b = b_;
  Tensor y = binary_values(BinaryOp::Minimum, a, b);
  return record<MaximumBackward<BinaryOp::Minimum>>(std::move(y), inputs(a, b), a, b);
}

// ---- Operators

Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
Tensor operator+(const Tensor& a, Scalar b) { return add(a, b); }
Tensor operator+(Scalar a, const Tensor& b) { return add(b, a); }
Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
Tensor operator-(const Tensor& a, Scalar b) { return sub(a, b); }
Tensor operator-(Scalar a, const Tensor& b) { return rsub(b, a); }
Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
Tensor operator*(const Tensor& a, Scalar b) { return mul(a, b); }
Tensor operator*(Scalar a, const Tensor& b) { return mul(b, a); }
Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
Tensor operator/(const Tensor& a, Scalar b) { return div(a, b); }
Tensor operator/(Scalar a, const Tensor& b) { return mul(reciprocal(b), a); }
Tensor operator-(const Tensor& a) { return neg(a); }

}  // namespace heed
