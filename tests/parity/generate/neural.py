"""What layers are made of, losses, and the operations that write in place."""

import math

import torch
import torch.nn.functional as F

import shape
from recording import EDGES, Family, Input, Values

INF, NAN = math.inf, math.nan
T01 = [["transpose", 0, 1]]


def rms_norm(x, *weight, normalized_shape, eps=1e-6):
    """Not in PyTorch 1.13; the formula of Zhang and Sennrich 2019 in its operations."""
    dims = tuple(range(-len(normalized_shape), 0))
    y = x / torch.sqrt(x.square().mean(dims, keepdim=True) + eps)
    return y * weight[0] if weight else y


def attention(q, k, v, *mask, is_causal=False, scaling=None):
    """softmax(q kT scaling + mask) v. A bool mask is true where a key may be seen."""
    scores = q @ k.transpose(-2, -1) * (1 / math.sqrt(q.size(-1)) if scaling is None else scaling)
    if is_causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~seen, -INF)
    if mask:
        m = mask[0]
        scores = scores.masked_fill(~m, -INF) if m.dtype == torch.bool else scores + m
    return scores.softmax(-1) @ v


def cross_entropy(x, target, *weight, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(x, target, weight[0] if weight else None, ignore_index=ignore_index,
                           reduction=reduction, label_smoothing=label_smoothing)


def bce(x, target, *more, which=(), reduction="mean"):
    return F.binary_cross_entropy_with_logits(x, target, reduction=reduction,
                                              **dict(zip(which, more)))


IN_PLACE = {
    "copy_": lambda y, b: y.copy_(b), "fill_": lambda y, s: y.fill_(s), "zero_": lambda y: y.zero_(),
    "add_": lambda y, b: y.add_(b), "sub_": lambda y, b: y.sub_(b), "mul_": lambda y, b: y.mul_(b),
    "div_": lambda y, b: y.div_(b), "add_scalar_": lambda y, s: y.add_(s),
    "sub_scalar_": lambda y, s: y.sub_(s), "mul_scalar_": lambda y, s: y.mul_(s),
    "div_scalar_": lambda y, s: y.div_(s), "pow_scalar_": lambda y, s: y.pow_(s),
    "neg_": lambda y: y.neg_(), "abs_": lambda y: y.abs_(), "exp_": lambda y: y.exp_(),
    "expm1_": lambda y: y.expm1_(), "log1p_": lambda y: y.log1p_(), "erf_": lambda y: y.erf_(),
    "sin_": lambda y: y.sin_(), "cos_": lambda y: y.cos_(), "sign_": lambda y: y.sign_(),
    "log_": lambda y: y.log_(), "sqrt_": lambda y: y.sqrt_(), "rsqrt_": lambda y: y.rsqrt_(),
    "reciprocal_": lambda y: y.reciprocal_(), "square_": lambda y: y.square_(),
    "tanh_": lambda y: y.tanh_(), "sigmoid_": lambda y: y.sigmoid_(), "relu_": lambda y: y.relu_(),
    "clamp_": lambda y, min=None, max=None: y.clamp_(min, max),
    "masked_fill_": lambda y, m, value: y.masked_fill_(m, value),
    "tril_": lambda y, diagonal=0: y.tril_(diagonal),
    "triu_": lambda y, diagonal=0: y.triu_(diagonal),
    "scatter_add_": lambda y, i, src, dim: y.scatter_add_(dim, i, src),
}


def put(y, *more, what):
    """y[what] = the last of `more`; the ones before are index tensors of `what`."""
    y[shape.index_key(list(more[:-1]), what)] = more[-1]
    return y


IN_PLACE["index_put_"] = put


def through_clone(fn):
    """An in-place operation on a copy of its first input, so that gradients can reach a leaf."""
    return lambda x, *more, **args: fn(x.clone(), *more, **args)


def through_view(fn):
    """The same on row 1 of the copy; the result is the whole copy."""
    def call(x, *more, **args):
        whole = x.clone()
        fn(whole[1], *more, **args)
        return whole
    return call


OPS = {
    "softmax": lambda x, dim: x.softmax(dim), "log_softmax": lambda x, dim: x.log_softmax(dim),
    "layer_norm": lambda x, *wb, normalized_shape, eps=1e-5: F.layer_norm(
        x, normalized_shape, *wb, eps=eps),
    "rms_norm": rms_norm, "attention": attention,
    "dropout_eval": lambda x, p: F.dropout(x, p, False),
    "dropout_none": lambda x: F.dropout(x, 0.0, True), "dropout_all": lambda x: F.dropout(x, 1.0, True),
    "mse_loss": lambda a, b, reduction="mean": F.mse_loss(a, b, reduction=reduction),
    "l1_loss": lambda a, b, reduction="mean": F.l1_loss(a, b, reduction=reduction),
    "smooth_l1_loss": lambda a, b, reduction="mean", beta=1.0: F.smooth_l1_loss(
        a, b, reduction=reduction, beta=beta),
    "cross_entropy": cross_entropy,
    "nll_loss": lambda x, t, *w, ignore_index=-100, reduction="mean": F.nll_loss(
        x, t, w[0] if w else None, ignore_index=ignore_index, reduction=reduction),
    "bce_with_logits": bce,
    "kl_div": lambda x, t, reduction="mean", log_target=False: F.kl_div(
        x, t, reduction=reduction, log_target=log_target),
    **{name: through_clone(fn) for name, fn in IN_PLACE.items()},
    **{name + "of_row": through_view(fn) for name, fn in IN_PLACE.items()},
}


def rows(f):
    v = Values("rows")
    t = v.t
    for op in ("softmax", "log_softmax"):
        for x, d in ((t(3, 4), 1), (t(3, 4), 0), (t(2, 3, 4), -2), (t(4, 3, views=T01), -1), (t(5), 0),
                     (t(), 0), (t(0, 3), 1), (t(3, 0), 1), (t(3, 1), -1), (t(2, 37), 1),
                     (t(3, 1, views=[["expand", [3, 5]]]), 1),
                     (t(3, 8, views=[["slice", 1, 0, 8, 2]]), 0)):
            f.case(op, [x], dim=d)
        f.case(op, [Input([-INF, -INF, 0.0, INF, NAN, 1.0, 1.0, -INF], [4, 2])], dim=1)
        f.case(op, [Input([1e30, 1e30, -1e30], [3])], dim=0, only="f64")
        f.case(op, [Input([1000.0, 1000.0, -1000.0], [3])], dim=0)
    for shape, n in (((3, 4), [4]), ((2, 3, 4), [4]), ((2, 3, 4), [3, 4]), ((2, 37), [37]),
                     ((0, 4), [4]), ((3, 1), [1])):
        f.case("layer_norm", [t(*shape)], normalized_shape=n)
        f.case("layer_norm", [t(*shape), t(*n), t(*n)], normalized_shape=n)
        f.case("layer_norm", [t(*shape), t(*n)], normalized_shape=n, eps=1e-3)
        f.case("rms_norm", [t(*shape)], normalized_shape=n)
        f.case("rms_norm", [t(*shape), t(*n)], normalized_shape=n, eps=1e-5)
    f.case("layer_norm", [t(4, 3, views=T01), t(4), t(4)], normalized_shape=[4])
    f.case("rms_norm", [t(4, 3, views=T01), t(4)], normalized_shape=[4])
    f.case("layer_norm", [Input([2.0] * 4 + [0.0, NAN, 1.0, 2.0], [2, 4])], normalized_shape=[4])
    f.case("dropout_eval", [t(3, 4)], p=0.5)
    f.case("dropout_none", [t(3, 4)])
    f.case("dropout_all", [t(3, 4)])


def attentions(f):
    v = Values("attention")
    t = v.t
    for q, k, w in (((3, 4), (3, 4), (3, 4)), ((2, 3, 4), (2, 5, 4), (2, 5, 3)),
                    ((2, 2, 5, 4), (2, 2, 5, 4), (2, 2, 5, 4)), ((1, 2, 1, 8), (1, 2, 7, 8),
                    (1, 2, 7, 8)), ((1, 1, 19, 5), (1, 1, 19, 5), (1, 1, 19, 5))):
        f.case("attention", [t(*q), t(*k), t(*w)])
        f.case("attention", [t(*q), t(*k), t(*w)], scaling=0.5)
        if q[-2] == k[-2]:
            f.case("attention", [t(*q), t(*k), t(*w)], is_causal=True)
    swap = [["transpose", 1, 2]]
    f.case("attention", [t(2, 5, 2, 4, views=swap), t(2, 5, 2, 4, views=swap),
                         t(2, 5, 2, 4, views=swap)], is_causal=True)
    seen = Input([True, False, True, True, True, False, False, True, True], [3, 3], "b")
    qkv = lambda: [t(2, 2, 3, 4), t(2, 2, 3, 4), t(2, 2, 3, 4)]
    f.case("attention", qkv() + [seen])
    f.case("attention", qkv() + [Input([True, True, False, True, False, True], [2, 1, 1, 3], "b")])
    f.case("attention", qkv() + [t(3, 3, grad=False)])
    f.case("attention", qkv() + [t(2, 2, 3, 3, grad=False)], scaling=0.25)
    f.case("attention", qkv() + [Input([0.0, -INF, 0.0, 1.0, 0.0, -INF, 0.0, 0.5, -INF], [3, 3],
                                       grad=False)])


def losses(f):
    v = Values("losses")
    t = v.t
    logp = lambda *s: v.t(*s, low=-4.0, high=-0.25)
    for r in ("none", "mean", "sum"):
        for op in ("mse_loss", "l1_loss", "smooth_l1_loss"):
            f.case(op, [t(3, 4), t(3, 4)], reduction=r)
            f.case(op, [t(4, 3, views=T01), t(3, 4, grad=False)], reduction=r)
            f.case(op, [t(), t()], reduction=r)
            f.case(op, [t(0, 3), t(0, 3)], reduction=r)
        f.case("smooth_l1_loss", [t(3, 4), t(3, 4)], reduction=r, beta=0.25)
        idx = lambda *s, high=4: v.i(*s, high=high)
        f.case("cross_entropy", [t(3, 4), idx(3)], reduction=r)
        f.case("cross_entropy", [t(4), idx()], reduction=r)
        f.case("cross_entropy", [t(2, 4, 3), idx(2, 3)], reduction=r)
        f.case("cross_entropy", [t(3, 4), Input([1, -100, 3], [3], "i")], reduction=r)
        f.case("cross_entropy", [t(3, 4), Input([1, 2, 3], [3], "i")], reduction=r, ignore_index=2)
        f.case("cross_entropy", [t(3, 4), idx(3)], reduction=r, label_smoothing=0.2)
        w = lambda: v.t(4, low=0.25, high=2.0, grad=False)
        f.case("cross_entropy", [t(3, 4), idx(3), w()], reduction=r)
        f.case("cross_entropy", [t(3, 4), Input([1, -100, 3], [3], "i"), w()], reduction=r,
               label_smoothing=0.2)
        f.case("cross_entropy", [t(4, 3, views=T01), v.t(3, 4, low=0.0, high=1.0, grad=False)],
               reduction=r)
        f.case("cross_entropy", [t(3, 4), v.t(3, 4, low=0.0, high=1.0, grad=False), w()],
               reduction=r, label_smoothing=0.1)
        f.case("nll_loss", [logp(3, 4), idx(3)], reduction=r)
        f.case("nll_loss", [logp(2, 4, 3), idx(2, 3)], reduction=r)
        f.case("nll_loss", [logp(3, 4), Input([1, -100, 3], [3], "i"), w()], reduction=r)
        f.case("nll_loss", [logp(4), idx()], reduction=r)
        target = lambda *s: v.t(*s, low=0.0, high=1.0, grad=False)
        f.case("bce_with_logits", [t(3, 4), target(3, 4)], reduction=r)
        f.case("bce_with_logits", [t(3, 4), target(3, 4), target(4)], which=["weight"], reduction=r)
        f.case("bce_with_logits", [t(3, 4), target(3, 4), target(4)], which=["pos_weight"],
               reduction=r)
        f.case("bce_with_logits", [t(4, 3, views=T01), target(3, 4), target(3, 4), target(4)],
               which=["weight", "pos_weight"], reduction=r)
        f.case("kl_div", [logp(3, 4), target(3, 4)], reduction=r)
        f.case("kl_div", [logp(3, 4), logp(3, 4)], reduction=r, log_target=True)
    f.case("kl_div", [logp(3, 4), target(3, 4)], reduction="batchmean")
    f.case("kl_div", [logp(3), Input([0.0, 0.5, 0.5], [3], grad=False)])
    f.case("bce_with_logits", [Input([100.0, -100.0, 0.0], [3]), Input([0.0, 1.0, 0.5], [3],
                                                                       grad=False)])
    f.case("cross_entropy", [t(2, 3), Input([-100, -100], [2], "i")])
    f.case("cross_entropy", [t(0, 3), Input([], [0], "i")])
    f.case("cross_entropy", [Input([1000.0, 0.0, -1000.0, INF, 0.0, 1.0], [2, 3]),
                             Input([1, 0], [2], "i")], reduction="none")


def in_place(f):
    v = Values("in place")
    t = v.t
    positive = lambda *s, **k: v.t(*s, low=0.25, high=3.0, **k)
    for op in ("copy_", "add_", "sub_", "mul_", "div_"):
        f.case(op, [t(3, 4), t(3, 4)])
        f.case(op, [t(3, 4), t(4)])
        f.case(op, [t(4, 3, views=T01), t(3, 1)])
        f.case(op, [t(3, 4, grad=False), t(4)])
        f.case(op + "of_row", [t(3, 4), t(4)])
        f.case(op + "of_row", [t(3, 4), t()])
        f.case(op, [t(2, 3), v.i(3, low=1)])
    for op in ("add_scalar_", "sub_scalar_", "mul_scalar_", "div_scalar_", "pow_scalar_", "fill_"):
        f.case(op, [positive(3, 4)], s=2.5)
        f.case(op + "of_row", [positive(3, 4)], s=2.5)
    for op in ("neg_", "abs_", "exp_", "log_", "sqrt_", "rsqrt_", "reciprocal_", "square_", "tanh_",
               "sigmoid_", "relu_", "zero_", "expm1_", "log1p_", "erf_", "sin_", "cos_", "sign_"):
        f.case(op, [positive(3, 4)])
        f.case(op, [positive(4, 3, views=T01)])
        f.case(op + "of_row", [positive(3, 4)])
    f.case("clamp_", [t(3, 4)], min=-1.0, max=1.0)
    f.case("clamp_of_row", [t(3, 4)], min=-1.0)
    f.case("masked_fill_", [t(3, 4), v.b(4)], value=1.5)
    f.case("masked_fill_of_row", [t(3, 4), v.b(4)], value=1.5)
    f.case("tril_", [t(3, 4)])
    f.case("triu_", [t(3, 4)], diagonal=1)
    f.case("tril_of_row", [t(2, 3, 4)], diagonal=-1)
    f.case("scatter_add_", [t(3, 4), v.i(3, 4, high=3), t(3, 4)], dim=0)
    f.case("scatter_add_of_row", [t(3, 4), v.i(4, high=4), t(4)], dim=0)
    every, tensor = ["slice", None, None, None], ["tensor"]
    put_at = lambda x, *more, what: f.case("index_put_", [x, *more], what=what)
    put_at(t(3, 4), t(4), what=[["int", 1]])
    put_at(t(3, 4), t(), what=[["int", 1], ["int", -1]])
    put_at(t(3, 4), t(3, 2), what=[every, ["slice", 1, 4, 2]])
    put_at(t(3, 4), t(4), what=[["slice", 0, 2, None]])
    put_at(t(4, 3, views=T01), t(3), what=[every, ["int", 2]])
    put_at(t(3, 4), t(), what=[["ellipsis"]])
    put_at(t(3, 4), Input([2, 0], [2], "i"), t(2, 4), what=[tensor])
    put_at(t(3, 4), Input([2, 0], [2], "i"), Input([1, 3], [2], "i"), t(2), what=[tensor, tensor])
    put_at(t(3, 4), v.b(3, 4), t(), what=[tensor])
    put_at(t(3, 4), v.b(3), t(4), what=[tensor])
    put_at(t(3, 4), Input([2, 0], [2], "i"), t(1, 4, grad=False), what=[tensor])
    f.case("add_", [v.i(3), v.i(3)])
    f.case("mul_scalar_", [v.i(3)], s=2)


ELEMENTWISE = {name for name in OPS if name.endswith("_") or name.endswith("_of_row")}


def generate():
    f = Family("neural", OPS)
    rows(f)
    attentions(f)
    f.write()
    f = Family("losses", OPS)
    losses(f)
    f.write()
    f = Family("in_place", OPS, elementwise=ELEMENTWISE)
    in_place(f)
    f.write()


if __name__ == "__main__":
    generate()
