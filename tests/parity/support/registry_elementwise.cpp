// The elementwise operations of the fixtures, by their names in generate/elementwise.py.
#include "tests/parity/support/fixture.h"

namespace heed::parity {

namespace {

using In = const std::vector<Tensor>&;

Call unary(Tensor (*op)(const Tensor&)) {
  return [op](In in, const Args&) { return Results{op(in[0])}; };
}
Call binary(Tensor (*op)(const Tensor&, const Tensor&)) {
  return [op](In in, const Args&) { return Results{op(in[0], in[1])}; };
}
/// An operation of a tensor and the argument s.
Call with_scalar(Tensor (*op)(const Tensor&, Scalar)) {
  return [op](In in, const Args& args) { return Results{op(in[0], args.scalar("s"))}; };
}

}  // namespace

void add_elementwise(Registry& ops) {
  ops["neg"] = unary(neg);
  ops["abs"] = unary(abs);
  ops["sign"] = unary(sign);
  ops["exp"] = unary(exp);
  ops["log"] = unary(log);
  ops["log1p"] = unary(log1p);
  ops["expm1"] = unary(expm1);
  ops["sqrt"] = unary(sqrt);
  ops["rsqrt"] = unary(rsqrt);
  ops["reciprocal"] = unary(reciprocal);
  ops["square"] = unary(square);
  ops["tanh"] = unary(tanh);
  ops["sigmoid"] = unary(sigmoid);
  ops["relu"] = unary(relu);
  ops["erf"] = unary(erf);
  ops["sin"] = unary(sin);
  ops["cos"] = unary(cos);
  ops["silu"] = unary(silu);
  ops["gelu"] = [](In in, const Args& args) {
    return Results{gelu(in[0], args.text("approximate", "none"))};
  };
  ops["leaky_relu"] = [](In in, const Args& args) {
    return Results{leaky_relu(in[0], args.real("negative_slope", 0.01))};
  };
  ops["softplus"] = [](In in, const Args& args) {
    return Results{softplus(in[0], args.real("beta", 1), args.real("threshold", 20))};
  };

  ops["add"] = [](In in, const Args& args) {
    return Results{args.has("alpha") ? add(in[0], in[1], args.scalar("alpha")) : in[0] + in[1]};
  };
  ops["sub"] = [](In in, const Args& args) {
    return Results{args.has("alpha") ? sub(in[0], in[1], args.scalar("alpha")) : in[0] - in[1]};
  };
  ops["mul"] = binary(mul);
  ops["div"] = binary(div);
  ops["pow"] = binary(pow);
  ops["maximum"] = binary(maximum);
  ops["minimum"] = binary(minimum);
  ops["eq"] = binary(eq);
  ops["ne"] = binary(ne);
  ops["lt"] = binary(lt);
  ops["le"] = binary(le);
  ops["gt"] = binary(gt);
  ops["ge"] = binary(ge);
  ops["logical_and"] = binary(logical_and);
  ops["logical_or"] = binary(logical_or);
  ops["logical_xor"] = binary(logical_xor);
  ops["logical_not"] = unary(logical_not);

  ops["add_scalar"] = with_scalar(add);
  ops["sub_scalar"] = with_scalar(sub);
  ops["rsub_scalar"] = with_scalar(rsub);
  ops["mul_scalar"] = with_scalar(mul);
  ops["div_scalar"] = with_scalar(div);
  ops["rdiv_scalar"] = [](In in, const Args& args) { return Results{args.scalar("s") / in[0]}; };
  ops["pow_scalar"] = with_scalar(pow);
  ops["rpow_scalar"] = [](In in, const Args& args) {
    return Results{pow(args.scalar("s"), in[0])};
  };
  ops["eq_scalar"] = with_scalar(eq);
  ops["gt_scalar"] = with_scalar(gt);
  ops["le_scalar"] = with_scalar(le);
  ops["ne_scalar"] = with_scalar(ne);
  ops["lt_scalar"] = with_scalar(lt);
  ops["ge_scalar"] = with_scalar(ge);
  ops["isnan"] = unary(isnan);
  ops["isinf"] = unary(isinf);
  ops["isfinite"] = unary(isfinite);

  ops["clamp"] = [](In in, const Args& args) {
    return Results{clamp(in[0], args.maybe_scalar("min"), args.maybe_scalar("max"))};
  };
  ops["where"] = [](In in, const Args&) { return Results{where(in[0], in[1], in[2])}; };
  ops["masked_fill"] = [](In in, const Args& args) {
    return Results{masked_fill(in[0], in[1], args.scalar("value"))};
  };
  ops["to"] = [](In in, const Args& args) {
    return Results{to(in[0], dtype_of_kind(args.text("dtype", ""), float32))};
  };
}

}  // namespace heed::parity
