"""Reductions, and the operations that order or accumulate along a dimension."""

import math

import torch

from recording import Family, Input, Values

INF, NAN = math.inf, math.nan


def over(fn):
    """all elements, one dim, or several"""
    def call(x, dims=None, keepdim=False):
        return fn(x) if dims is None else fn(x, dims, keepdim=keepdim)
    return call


def spread_over(fn):
    def call(x, dims=None, unbiased=True, keepdim=False):
        dims = list(range(x.dim())) if dims is None else dims
        return fn(x, dims, unbiased=unbiased, keepdim=keepdim)
    return call


def extreme(fn):
    def call(x, dim, keepdim=False):
        return fn(x, dim, keepdim=keepdim)
    return call


def position(fn):
    def call(x, dim=None, keepdim=False):
        return fn(x) if dim is None else fn(x, dim, keepdim=keepdim)
    return call


def prod(x, dim=None, keepdim=False):
    return torch.prod(x) if dim is None else torch.prod(x, dim, keepdim=keepdim)


def norm(x, p=2.0, dims=None, keepdim=False):
    return torch.norm(x, p) if dims is None else torch.norm(x, p, dims, keepdim)


OPS = {
    "sum": over(torch.sum), "mean": over(torch.mean), "prod": prod,
    "max_all": lambda x: x.max(), "min_all": lambda x: x.min(),
    "max": extreme(torch.max), "min": extreme(torch.min),
    "amax": over(lambda x, d=(), keepdim=False: torch.amax(x, d, keepdim=keepdim)),
    "amin": over(lambda x, d=(), keepdim=False: torch.amin(x, d, keepdim=keepdim)),
    "argmax": position(torch.argmax), "argmin": position(torch.argmin),
    "all": position(torch.all), "any": position(torch.any),
    "var": spread_over(torch.var), "std": spread_over(torch.std),
    "logsumexp": lambda x, dims, keepdim=False: torch.logsumexp(x, dims, keepdim=keepdim),
    "norm": norm, "cumsum": lambda x, dim: torch.cumsum(x, dim),
    "topk": lambda x, k, dim=-1, largest=True: torch.topk(x, k, dim, largest),
    "sort": lambda x, dim=-1, descending=False: torch.sort(
        x, dim=dim, descending=descending, stable=True),
    "argsort": lambda x, dim=-1, descending=False: torch.sort(
        x, dim=dim, descending=descending, stable=True).indices,
}
# A minimum or maximum is one of its inputs, exactly.
EXACT = {"max_all", "min_all", "max", "min", "amax", "amin", "argmax", "argmin", "all", "any",
         "topk", "sort", "argsort"}


def inputs(v, distinct=False):
    """The shapes and strides every reduction meets; at least two dimensions."""
    t = lambda *s, **k: v.t(*s, distinct=distinct, **k)
    yield t(3, 4)
    yield t(2, 3, 4)
    yield t(4, 3, views=[["transpose", 0, 1]])
    yield t(3, 8, views=[["slice", 1, 1, 8, 2]])
    yield t(2, 1, 3, 2, views=[["transpose", 1, 3]])
    yield t(2, 37)


def summing(f):
    for op in ("sum", "mean", "var", "std", "norm", "amax", "amin", "logsumexp"):
        v = Values(op)
        scale = OPS[op] if op in ("sum", "mean") else None
        distinct = op in ("amax", "amin")
        for x in inputs(v, distinct):
            if op != "logsumexp":
                f.case(op, [x], scale)
            f.case(op, [x], scale, dims=[0])
            f.case(op, [x], scale, dims=[-1], keepdim=True)
            f.case(op, [x], scale, dims=[0, -1])
        f.case(op, [v.t(2, 3, 4, distinct=distinct)], scale, dims=[1, -1], keepdim=True)
        if op != "norm":
            f.case(op, [v.t(3, 1, distinct=distinct, views=[["expand", [3, 5]]])], scale, dims=[-2])
        f.case(op, [Input([1.0, INF, NAN, 2.0, 3.0, 4.0, -INF, INF, 0.5], [3, 3])], None, dims=[1])
    v = Values("summing extra")
    for op in ("sum", "mean"):
        f.case(op, [v.t()], OPS[op])
        f.case(op, [v.t(0, 3)], dims=[0])
        f.case(op, [v.t(0, 3)], dims=[1])
        f.case(op, [v.t(2, 0)])
        f.case(op, [v.t(1, 1)], OPS[op], dims=[0])
    f.case("sum", [v.i(3, 4)])
    f.case("sum", [v.i(3, 4)], dims=[1])
    f.case("sum", [v.b(3, 4)])
    f.case("sum", [v.b(3, 4)], dims=[0], keepdim=True)
    f.case("sum", [v.t(40, 60, grad=False)], OPS["sum"])
    f.case("logsumexp", [Input([1000.0, 1000.0, -INF, -INF, INF, 0.0], [3, 2])], dims=[1])
    f.case("logsumexp", [v.t(5)], dims=[0])
    for op in ("var", "std"):
        f.case(op, [v.t(3, 5)], dims=[1], unbiased=False)
        f.case(op, [v.t(2, 3, 2)], unbiased=False)
        f.case(op, [v.t(3, 1)], dims=[1], grads=False)
        f.case(op, [v.t(3, 1)], dims=[1], unbiased=False, grads=False)
    for p in (1.0, 3.0, INF, 0.5):
        f.case("norm", [v.t(3, 5, distinct=True)], p=p)
        f.case("norm", [v.t(3, 5, distinct=True)], p=p, dims=[1], keepdim=True)
    f.case("norm", [Input([0.0, 0.0, 0.0], [3])])
    f.case("norm", [Input([0.0, 0.0, 0.0], [3])], p=1.0)
    f.case("amax", [Input([1.0, 3.0, 3.0, 2.0, 2.0, 2.0], [2, 3])], dims=[1])
    f.case("amin", [Input([1.0, 3.0, 1.0, 2.0, 2.0, 2.0], [2, 3])], dims=[-1], keepdim=True)
    f.case("amax", [Input([1.0, 3.0, 3.0, 3.0], [2, 2])])


def products(f):
    v = Values("prod")
    for x in inputs(v):
        if 37 in x.shape:
            continue
        f.case("prod", [x])
        f.case("prod", [x], dim=0)
        f.case("prod", [x], dim=-1, keepdim=True)
    f.case("prod", [Input([0.0, 2.0, 3.0], [3])])
    f.case("prod", [Input([0.0, 2.0, 0.0], [3])])
    f.case("prod", [Input([0.0, 2.0, 3.0, 4.0, 0.0, 0.0], [2, 3])], dim=1)
    f.case("prod", [v.t(0)])
    f.case("prod", [v.t(0, 2)], dim=0)
    f.case("prod", [v.t()])
    f.case("prod", [v.i(2, 3, low=1)])
    f.case("prod", [v.i(2, 3, low=1)], dim=1)
    v = Values("cumsum")
    for x in inputs(v):
        f.case("cumsum", [x], OPS["cumsum"], dim=0)
        f.case("cumsum", [x], OPS["cumsum"], dim=-1)
    f.case("cumsum", [v.t(0, 3)], dim=0)
    f.case("cumsum", [v.t()], OPS["cumsum"], dim=0)
    f.case("cumsum", [v.i(3, 4)], dim=1)
    f.case("cumsum", [v.b(5)], dim=0)
    f.case("cumsum", [Input([1.0, NAN, 2.0], [3])], dim=0)


def extremes(f):
    tie = lambda: Input([1.0, 3.0, 3.0, 2.0, 2.0, 2.0], [2, 3])
    nan = lambda: Input([1.0, NAN, 3.0, -INF, INF, INF], [2, 3])
    for op in ("max", "min"):
        v = Values(op)
        for x in inputs(v, distinct=True):
            f.case(op + "_all", [x])
            f.case(op, [x], dim=0)
            f.case(op, [x], dim=-1, keepdim=True)
        for x in (tie, nan):
            f.case(op + "_all", [x()], grads=x is tie)
            f.case(op, [x()], dim=1)
        f.case(op, [v.t()], dim=0)
        f.case(op, [v.t(0, 3)], dim=1)
        f.case(op + "_all", [v.i(3, 4)])
        f.case(op, [v.i(3, 4)], dim=1)
        f.case(op + "_all", [v.t()])
    for op in ("argmax", "argmin"):
        v = Values(op)
        for x in inputs(v, distinct=True):
            f.case(op, [x])
            f.case(op, [x], dim=0)
            f.case(op, [x], dim=-1, keepdim=True)
        f.case(op, [tie()], dim=1)
        f.case(op, [nan()], dim=1)
        f.case(op, [nan()])
        f.case(op, [v.i(3, 4)], dim=0)
        f.case(op, [v.t()])
    for op in ("all", "any"):
        v = Values(op)
        f.case(op, [v.b(3, 4)])
        f.case(op, [v.b(3, 4)], dim=0)
        f.case(op, [v.b(2, 3, 4)], dim=-2, keepdim=True)
        f.case(op, [v.b(4, 3, views=[["transpose", 0, 1]])], dim=1)
        f.case(op, [v.b(0)])
        f.case(op, [Input([0.0, 1.0, NAN], [3])])
        f.case(op, [v.i(2, 3, high=2)], dim=1)
        f.case(op, [Input([True, True], [2], "b")])


def ordering(f):
    v = Values("ordering")
    for x in inputs(v, distinct=True):
        f.case("topk", [x], k=1, dim=-1)
        f.case("topk", [x], k=2, dim=0, largest=False)
        f.case("sort", [x])
        f.case("sort", [x], dim=0, descending=True)
    f.case("topk", [v.t(5, distinct=True)], k=5)
    f.case("topk", [v.t(5, distinct=True)], k=0)
    f.case("topk", [v.i(1, 1)], k=1)
    f.case("sort", [Input([2.0, 1.0, 2.0, NAN, -INF, 1.0, INF], [7])])
    f.case("sort", [Input([2.0, 1.0, 2.0, NAN, -INF, 1.0, INF], [7])], descending=True)
    f.case("sort", [v.t()])
    f.case("sort", [v.t(0)])
    f.case("sort", [v.i(3, 6)], dim=1)
    f.case("sort", [v.b(6)])


def of_whole_numbers(f):
    v = Values("whole numbers")
    for x in (lambda: v.i(3, 4), lambda: v.i(4, 3, views=[["transpose", 0, 1]])):
        for op in ("max", "min", "argmax", "argmin", "cumsum", "sort", "argsort", "all", "any"):
            f.case(op, [x()], dim=0)
            f.case(op, [x()], dim=-1)
        for op in ("max_all", "min_all", "argmax", "all", "any", "prod"):
            f.case(op, [x()])
        for op in ("sum", "amax", "amin"):
            f.case(op, [x()], dims=[0])
            f.case(op, [x()], dims=[1], keepdim=True)
        f.case("sort", [x()], dim=1, descending=True)
        f.case("argsort", [x()], dim=0, descending=True)
    f.case("topk", [Input([5, 1, 4, 2, 3], [5], "i")], k=3)
    f.case("topk", [Input([5, 1, 4, 2, 3, 0], [2, 3], "i")], k=2, dim=1, largest=False)
    f.case("argsort", [v.t(3, 5, distinct=True)])
    f.case("argsort", [v.t(5, 3, distinct=True, views=[["transpose", 0, 1]])], dim=0,
           descending=True)
    f.case("argsort", [Input([1.0, NAN, 0.0, INF, -INF, 1.0], [6])])
    f.case("argsort", [v.t(0, 3)], dim=0)
    f.case("argsort", [v.t()])
    for op in ("all", "any", "sum"):
        f.case(op, [v.b(2, 3)])


def generate():
    f = Family("reductions", OPS, elementwise=EXACT)
    summing(f)
    products(f)
    extremes(f)
    ordering(f)
    of_whole_numbers(f)
    f.write()


if __name__ == "__main__":
    generate()
