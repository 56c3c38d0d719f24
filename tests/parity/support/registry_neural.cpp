// Softmax, norms, attention, losses and in-place operations of the fixtures.
#include "core/autograd/engine.h"
#include "tests/parity/support/fixture.h"

namespace heed::parity {

namespace {

using In = const std::vector<Tensor>&;

Tensor optional(In in, std::size_t i) { return i < in.size() ? in[i] : Tensor(); }

Reduction reduction(const Args& args) {
  const std::string name = args.text("reduction", "mean");
  if (name == "none") return Reduction::None;
  return name == "sum" ? Reduction::Sum : Reduction::Mean;
}

Call loss(Tensor (*op)(const Tensor&, const Tensor&, Reduction)) {
  return [op](In in, const Args& args) { return Results{op(in[0], in[1], reduction(args))}; };
}

Results bce(In in, const Args& args) {
  BceOptions options{.reduction = reduction(args)};
  std::size_t next = 2;
  if (args.has("which")) {
    for (const std::string name : args.json("which")) {
      (name == "weight" ? options.weight : options.pos_weight) = in[next++];
    }
  }
  return {binary_cross_entropy_with_logits(in[0], in[1], options)};
}

Results attention(In in, const Args& args) {
  AttentionOptions options{.attn_mask = optional(in, 3), .is_causal = args.flag("is_causal")};
  if (args.has("scaling")) options.scale = args.real("scaling", 1);
  return {scaled_dot_product_attention(in[0], in[1], in[2], options)};
}

}  // namespace

void add_neural(Registry& ops) {
  ops["softmax"] = [](In in, const Args& args) {
    return Results{softmax(in[0], args.whole("dim"))};
  };
  ops["log_softmax"] = [](In in, const Args& args) {
    return Results{log_softmax(in[0], args.whole("dim"))};
  };
  ops["layer_norm"] = [](In in, const Args& args) {
    return Results{layer_norm(in[0], args.list("normalized_shape"), optional(in, 1),
                              optional(in, 2), args.real("eps", 1e-5))};
  };
  ops["rms_norm"] = [](In in, const Args& args) {
    return Results{
        rms_norm(in[0], args.list("normalized_shape"), optional(in, 1), args.real("eps", 1e-6))};
  };
  ops["attention"] = attention;
  ops["dropout_eval"] = [](In in, const Args& args) {
    return Results{dropout(in[0], args.real("p", 0.5), false)};
  };
  ops["dropout_none"] = [](In in, const Args&) { return Results{dropout(in[0], 0, true)}; };
  ops["dropout_all"] = [](In in, const Args&) { return Results{dropout(in[0], 1, true)}; };
  ops["mse_loss"] = loss(mse_loss);
  ops["l1_loss"] = loss(l1_loss);
  ops["smooth_l1_loss"] = [](In in, const Args& args) {
    return Results{smooth_l1_loss(in[0], in[1], reduction(args), args.real("beta", 1))};
  };
  ops["cross_entropy"] = [](In in, const Args& args) {
    const CrossEntropyOptions options{.weight = optional(in, 2),
                                      .ignore_index = args.whole("ignore_index", -100),
                                      .reduction = reduction(args),
                                      .label_smoothing = args.real("label_smoothing", 0)};
    return Results{cross_entropy(in[0], in[1], options)};
  };
  ops["nll_loss"] = [](In in, const Args& args) {
    const NllLossOptions options{.weight = optional(in, 2),
                                 .ignore_index = args.whole("ignore_index", -100),
                                 .reduction = reduction(args)};
    return Results{nll_loss(in[0], in[1], options)};
  };
  ops["bce_with_logits"] = bce;
  ops["kl_div"] = [](In in, const Args& args) {
    const KlDivOptions options{.reduction = reduction(args),
                               .batch_mean = args.text("reduction", "") == "batchmean",
                               .log_target = args.flag("log_target")};
    return Results{kl_div(in[0], in[1], options)};
  };

  // Of errors.json.
  ops["new_zeros"] = [](In, const Args& args) { return Results{zeros(args.list("sizes"))}; };
  ops["requires_grad"] = [](In in, const Args&) { return Results{in[0].requires_grad_()}; };
  ops["backward"] = [](In in, const Args&) {
    in[0].backward();
    return Results{};
  };
  ops["backward_with"] = [](In in, const Args&) {
    (in[0] * 2).backward(in[1]);
    return Results{};
  };
}

void add_in_place(Registry& ops) {
  using Write = std::function<void(const Tensor& y, In in, const Args& args)>;
  // Twice each: on a copy of the first input, and on row 1 of such a copy, whose result is the
  // whole copy.
  const auto write = [&ops](const std::string& name, Write op) {
    ops[name] = [op](In in, const Args& args) {
      const Tensor y = in[0].clone();
      op(y, in, args);
      return Results{y};
    };
    ops[name + "of_row"] = [op](In in, const Args& args) {
      const Tensor y = in[0].clone();
      op(y.select(0, 1), in, args);
      return Results{y};
    };
  };
  using Y = const Tensor&;
  using A = const Args&;
  write("copy_", [](Y y, In in, A) { y.copy_(in[1]); });
  write("add_", [](Y y, In in, A) { y.add_(in[1]); });
  write("sub_", [](Y y, In in, A) { y.sub_(in[1]); });
  write("mul_", [](Y y, In in, A) { y.mul_(in[1]); });
  write("div_", [](Y y, In in, A) { y.div_(in[1]); });
  write("add_scalar_", [](Y y, In, A args) { y.add_(args.scalar("s")); });
  write("sub_scalar_", [](Y y, In, A args) { y.sub_(args.scalar("s")); });
  write("mul_scalar_", [](Y y, In, A args) { y.mul_(args.scalar("s")); });
  write("div_scalar_", [](Y y, In, A args) { y.div_(args.scalar("s")); });
  write("pow_scalar_", [](Y y, In, A args) { y.pow_(args.scalar("s")); });
  write("fill_", [](Y y, In, A args) { y.fill_(args.scalar("s")); });
  write("zero_", [](Y y, In, A) { y.zero_(); });
  write("neg_", [](Y y, In, A) { y.neg_(); });
  write("abs_", [](Y y, In, A) { y.abs_(); });
  write("exp_", [](Y y, In, A) { y.exp_(); });
  write("expm1_", [](Y y, In, A) { y.expm1_(); });
  write("log_", [](Y y, In, A) { y.log_(); });
  write("log1p_", [](Y y, In, A) { y.log1p_(); });
  write("erf_", [](Y y, In, A) { y.erf_(); });
  write("sin_", [](Y y, In, A) { y.sin_(); });
  write("cos_", [](Y y, In, A) { y.cos_(); });
  write("sign_", [](Y y, In, A) { y.sign_(); });
  write("sqrt_", [](Y y, In, A) { y.sqrt_(); });
  write("rsqrt_", [](Y y, In, A) { y.rsqrt_(); });
  write("reciprocal_", [](Y y, In, A) { y.reciprocal_(); });
  write("square_", [](Y y, In, A) { y.square_(); });
  write("tanh_", [](Y y, In, A) { y.tanh_(); });
  write("sigmoid_", [](Y y, In, A) { y.sigmoid_(); });
  write("relu_", [](Y y, In, A) { y.relu_(); });
  write("clamp_",
        [](Y y, In, A args) { y.clamp_(args.maybe_scalar("min"), args.maybe_scalar("max")); });
  write("masked_fill_", [](Y y, In in, A args) { y.masked_fill_(in[1], args.scalar("value")); });
  write("tril_", [](Y y, In, A args) { y.tril_(args.whole("diagonal", 0)); });
  write("triu_", [](Y y, In, A args) { y.triu_(args.whole("diagonal", 0)); });
  write("index_put_",
        [](Y y, In in, A args) { y.index_put_(indices(in, args.json("what")), in.back()); });
  write("scatter_add_",
        [](Y y, In in, A args) { y.scatter_add_(args.whole("dim"), in[1], in[2]); });
}

}  // namespace heed::parity
