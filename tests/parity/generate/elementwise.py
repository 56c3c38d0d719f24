"""Elementwise operations: one result element from the elements at the same place."""

import torch
import torch.nn.functional as F

from recording import EDGES, Family, Input, Values

UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "exp": torch.exp, "log": torch.log,
    "log1p": torch.log1p, "expm1": torch.expm1, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal, "square": torch.square, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "relu": torch.relu, "erf": torch.erf, "sin": torch.sin,
    "cos": torch.cos, "silu": F.silu, "gelu": lambda x, approximate="none": F.gelu(
        x, approximate=approximate),
    "leaky_relu": lambda x, negative_slope=0.01: F.leaky_relu(x, negative_slope),
    "softplus": lambda x, beta=1.0, threshold=20.0: F.softplus(x, beta, threshold),
}
POSITIVE = {"log", "sqrt", "rsqrt"}
BINARY = {
    "add": lambda a, b, alpha=1: torch.add(a, b, alpha=alpha),
    "sub": lambda a, b, alpha=1: torch.sub(a, b, alpha=alpha),
    "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "maximum": torch.maximum, "minimum": torch.minimum,
}
COMPARE = {"eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt,
           "ge": torch.ge}
LOGICAL = {"logical_and": torch.logical_and, "logical_or": torch.logical_or,
           "logical_xor": torch.logical_xor}
SCALAR = {
    "add_scalar": lambda a, s: a + s, "sub_scalar": lambda a, s: a - s,
    "rsub_scalar": lambda a, s: s - a, "mul_scalar": lambda a, s: a * s,
    "div_scalar": lambda a, s: a / s, "rdiv_scalar": lambda a, s: s / a,
    "pow_scalar": lambda a, s: a ** s, "rpow_scalar": lambda a, s: s ** a,
    "eq_scalar": lambda a, s: a == s, "gt_scalar": lambda a, s: a > s,
    "le_scalar": lambda a, s: a <= s,
}
COMPARE_SCALAR = {"ne_scalar": lambda a, s: a != s, "lt_scalar": lambda a, s: a < s,
                  "ge_scalar": lambda a, s: a >= s}
PREDICATES = {"isnan": torch.isnan, "isinf": torch.isinf, "isfinite": torch.isfinite}
NAMES = {"f64": torch.float64, "f32": torch.float32, "i": torch.int64, "b": torch.bool}


def clamp(x, min=None, max=None):
    return x.clamp(min, max)


OTHER = {
    "clamp": clamp, "where": torch.where, "logical_not": torch.logical_not,
    "masked_fill": lambda x, m, value: x.masked_fill(m, value),
    "to": lambda x, dtype: x.to(NAMES[dtype]),
}
OPS = {**UNARY, **BINARY, **COMPARE, **LOGICAL, **SCALAR, **OTHER, **COMPARE_SCALAR, **PREDICATES}
# pow near a large exponent, and the functions whose argument reduction loses digits at 1e30, are
# held to the same 2 units in the last place as everything else.
PAIRS = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 3, 4), ()), ((), ()),
         ((0, 3), (1, 3)), ((2, 1, 4), (3, 1)), ((1,), (1, 1)), ((37,), (37,)),
         ((2, 3, 1, 2), (1, 4, 1))]


def spread(v, low, high):
    """The shapes and strides that every unary operation meets."""
    yield v.t(low=low, high=high)
    yield v.t(0, 3, low=low, high=high)
    yield v.t(1, 1, low=low, high=high)
    yield v.t(37, low=low, high=high)
    yield v.t(4, 3, low=low, high=high, views=[["transpose", 0, 1]])
    yield v.t(3, 8, low=low, high=high, views=[["slice", 1, 1, 8, 3]])
    yield v.t(3, 1, low=low, high=high, views=[["expand", [2, 3, 5]]])
    yield v.t(2, 1, 3, 2, low=low, high=high, views=[["transpose", 1, 3]])


def unary(f):
    for op in UNARY:
        v = Values(op)
        low, high = (0.0625, 6.0) if op in POSITIVE else (-4.0, 4.0)
        low = -0.9375 if op == "log1p" else low
        for x in spread(v, low, high):
            f.case(op, [x])
        if op == "gelu":
            # At -30 PyTorch's x (1 + erf) / 2 has lost every digit.
            gelu_edges = [x for x in EDGES if x != -30.0]
            f.case(op, [Input(gelu_edges, [len(gelu_edges)])])
        elif op not in ("sin", "cos"):
            f.case(op, [Input(EDGES, [len(EDGES)])])
        else:
            f.case(op, [Input([0.0, -0.0, 100.0, -1000.0, float("inf"), float("nan")], [6])])
    v = Values("unary extra")
    f.case("gelu", [v.t(5, 7)], approximate="tanh")
    # At infinity PyTorch's gradient is 0 times infinity; heed gives the limit.
    finite = [x for x in EDGES if abs(x) != float("inf")]
    f.case("gelu", [Input(EDGES, [len(EDGES)])], approximate="tanh", grads=False)
    f.case("gelu", [Input(finite, [len(finite)])], approximate="tanh")
    f.case("leaky_relu", [v.t(3, 5)], negative_slope=0.25)
    f.case("softplus", [v.t(3, 5)], beta=2.0, threshold=3.0)
    f.case("exp", [Input([88.0, 89.0, -87.0, -100.0, -104.0, 709.0, -745.0], [7])])
    f.case("expm1", [Input([2.0 ** -20, -2.0 ** -20, 2.0 ** -12], [3])])
    f.case("log1p", [Input([2.0 ** -20, -2.0 ** -20, 2.0 ** -12, -1.0, -2.0], [5])])
    for op in ("neg", "abs", "sign", "square", "relu"):
        f.case(op, [v.i(3, 4, low=-5)])
    for op in ("exp", "log", "sqrt", "sigmoid", "tanh"):
        f.case(op, [v.i(2, 3, low=1)])


def binary(f):
    for op in BINARY:
        v = Values(op)
        low, high = (0.25, 3.0) if op == "pow" else (-3.0, 3.0)
        t = lambda *s, **k: v.t(*s, low=low, high=high, **k)
        for a, b in PAIRS:
            f.case(op, [t(*a), t(*b)])
        f.case(op, [t(4, 3, views=[["transpose", 0, 1]]), t(3, 4)])
        f.case(op, [t(3, 1, views=[["expand", [3, 4]]]), t(3, 9, views=[["slice", 1, 0, 8, 2]])])
        f.case(op, [t(3, 4, grad=False), t(4)])
        edges = EDGES[:8] + EDGES[-3:]
        grid = [(a, b) for a in edges for b in edges]
        f.case(op, [Input([a for a, _ in grid], [len(grid)]), Input([b for _, b in grid], [len(grid)])],
               grads=op not in ("pow",))
        f.case(op, [v.i(2, 3, low=1), v.i(3, low=1)])
        # PyTorch takes the logarithm of a whole base in float32: its gradient is off by as much.
        f.case(op, [v.i(2, 3, low=1), t(2, 3)], grads=op != "pow")
    v = Values("binary extra")
    f.case("add", [v.t(3, 4), v.t(3, 4)], alpha=2.5)
    f.case("sub", [v.t(3, 4), v.t(4)], alpha=-0.5)
    f.case("add", [v.b(4), v.i(4)])
    f.case("add", [v.b(4), v.b(4)])
    f.case("mul", [v.b(4), v.t(4)])
    f.case("pow", [Input([0.0, 0.0, 2.0, 2.0, 0.0], [5]), Input([0.0, 2.0, 0.0, 3.0, 1.0], [5])])
    f.case("maximum", [Input([1.0, 2.0, 2.0], [3]), Input([2.0, 2.0, 1.0], [3])])


def comparisons(f):
    for op in COMPARE:
        v = Values(op)
        f.case(op, [v.t(3, 4, low=-1, high=1), v.t(4, low=-1, high=1)])
        f.case(op, [v.i(3, 1), v.i(1, 4)])
        nan = Input([1.0, float("nan"), float("inf"), -0.0], [4])
        f.case(op, [nan, Input([1.0, float("nan"), float("inf"), 0.0], [4])])
        f.case(op, [v.t(4, 3, views=[["transpose", 0, 1]]), v.t()])
        f.case(op, [v.b(5), v.b(5)])
    for op in LOGICAL:
        v = Values(op)
        f.case(op, [v.b(3, 4), v.b(4)])
        f.case(op, [v.i(5, high=2), v.t(5, grad=False)])
    v = Values("not")
    f.case("logical_not", [v.b(3, 2)])
    f.case("logical_not", [Input([0.0, 1.0, float("nan")], [3])])


def scalars(f):
    v = Values("scalars")
    for op in SCALAR:
        low = 0.25 if "pow" in op else -3.0
        f.case(op, [v.t(3, 4, low=low)], s=1.5)
        f.case(op, [v.t(4, 3, low=low, views=[["transpose", 0, 1]])], s=3.0)
        f.case(op, [v.t(0, low=low)], s=2.0)
        f.case(op, [Input([0.0, -0.0, 1.0, float("inf"), float("nan")], [5])], s=2.0)
        if op not in ("div_scalar", "rdiv_scalar"):
            f.case(op, [v.i(2, 3, low=1)], s=2)
    for s in (0.0, 1.0, 2.0, 3.0, 0.5, -1.0, -2.0, -0.5):
        f.case("pow_scalar", [Input([0.5, 1.0, 2.0, 3.25, 0.0, -2.0, float("inf")], [7])], s=s)
    f.case("div_scalar", [v.t(5)], s=0.0)
    f.case("rdiv_scalar", [Input([0.0, -0.0, 2.0], [3])], s=1.0)


def others(f):
    v = Values("others")
    for lo, hi in ((-1.0, 1.0), (None, 0.5), (0.0, None), (1.0, -1.0)):
        f.case("clamp", [v.t(3, 5)], min=lo, max=hi)
    f.case("clamp", [Input([-1.0, 0.0, 1.0, float("nan"), float("inf"), -float("inf")], [6])],
           min=-1.0, max=1.0)
    f.case("clamp", [v.i(7, low=-5)], min=-1, max=2)
    f.case("clamp", [v.t(4, 3, views=[["transpose", 0, 1]])], min=-1.0, max=1.0)
    f.case("where", [v.b(3, 4), v.t(3, 4), v.t(3, 4)])
    f.case("where", [v.b(3, 1), v.t(1, 4), v.t()])
    f.case("where", [v.b(4), v.t(2, 4, grad=False), v.t(4)])
    f.case("where", [Input([True, False], [2], "b"), Input([1.0, float("nan")], [2]),
                     Input([float("inf"), 2.0], [2])])
    f.case("where", [v.b(2, 3), v.i(2, 3), v.i(3)])
    f.case("masked_fill", [v.t(3, 4), v.b(3, 4)], value=-2.5)
    f.case("masked_fill", [v.t(2, 3, 4), v.b(4)], value=0.0)
    f.case("masked_fill", [v.t(4, 3, views=[["transpose", 0, 1]]), v.b(3, 1)], value=1.0)
    f.case("masked_fill", [v.i(3, 4), v.b(4)], value=7)
    f.case("to", [v.t(3, 2)], dtype="i", grads=False)
    f.case("to", [v.t(3, 2)], dtype="b", grads=False)
    f.case("to", [v.i(3, 2)], dtype="f32")
    f.case("to", [v.b(3, 2)], dtype="i")
    f.case("to", [v.b(3, 2)], dtype="f32")
    f.case("to", [v.i(4)], dtype="b")


def predicates(f):
    v = Values("predicates")
    for op in ("sign", "square", "exp"):
        f.case(op, [Input([True, False, True], [3], "b")])
    odd = [0.0, 1.5, float("nan"), float("inf"), -float("inf"), -0.0]
    for op in PREDICATES:
        f.case(op, [Input(odd, [6])])
        f.case(op, [Input(odd, [2, 3], views=[["transpose", 0, 1]])])
        f.case(op, [v.i(3)])
        f.case(op, [v.t()])
    for op in COMPARE_SCALAR:
        f.case(op, [Input(odd, [6])], s=1.5)
        f.case(op, [v.t(4, 3, views=[["transpose", 0, 1]])], s=0.5)
        f.case(op, [v.i(2, 3)], s=2)
        f.case(op, [v.i(2, 3)], s=1.5)
        f.case(op, [v.b(4)], s=1)
        f.case(op, [v.t(0)], s=2.0)
    for op in ("eq_scalar", "gt_scalar", "le_scalar"):
        f.case(op, [v.i(2, 3)], s=1.5)
        f.case(op, [v.b(4)], s=1)


def generate():
    f = Family("elementwise", OPS, elementwise=OPS)
    unary(f)
    binary(f)
    comparisons(f)
    scalars(f)
    others(f)
    predicates(f)
    f.write()


if __name__ == "__main__":
    generate()
