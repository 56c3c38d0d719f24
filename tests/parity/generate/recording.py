"""How a parity case is made and written down.

A case is one call of one operation: its inputs, its arguments, and what PyTorch computed in
float64. Every floating input is a number that float32 holds exactly, so the C++ side runs the same
case in float64 and in float32 and holds both against the one float64 result.
"""

import json
import math
import pathlib
import zlib

import numpy as np
import torch

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
DTYPES = {"f": torch.float64, "f32": torch.float32, "i": torch.int64, "b": torch.bool}

# Values where the formulas of analysis break: signed zeros, infinities, NaN, the smallest and
# largest floats, and whole numbers next to ordinary ones.
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 30.0, -30.0, 1e-3, -1e-3,
         float(np.float32(1e-40)), float(np.float32(1e30)), float(np.float32(-1e30)),
         math.inf, -math.inf, math.nan]


# Nodes that PyTorch's way of composing an operation leaves on top; heed's has one node of its own.
INTERNAL = {"UnsafeViewBackward0", "ReshapeAliasBackward0", "SqueezeBackward3",
            "AsStridedBackward0", "DivBackward1", "FillBackward3"}
# Operations that one of both composes of others, always or (PLAIN_2D) unless x is a matrix and a
# loss is reduced; and sort, which PyTorch names by the way it was called.
COMPOSED = {"einsum", "chunk", "split", "rms_norm", "attention", "sort"}
PLAIN_2D = {"linear", "cross_entropy", "nll_loss"}


def comparable_name(op, inputs, args, name):
    """Whether heed's node should have the name of PyTorch's."""
    if op in COMPOSED or name in INTERNAL:
        return False
    if op in PLAIN_2D:
        return inputs[0].dim() == 2 and args.get("reduction") != "none"
    if op == "roll":
        return args.get("dims") is not None
    return op != "matmul" or name != "CloneBackward0"


class Input:
    """A base tensor and the views that lead from it to the input of the operation."""

    def __init__(self, values, shape, kind="f", views=(), grad=True):
        self.values, self.shape, self.kind = list(values), list(shape), kind
        self.views, self.grad = [list(v) for v in views], grad and kind == "f"

    def build(self, dtype=None):
        base = torch.tensor(self.values, dtype=dtype or DTYPES[self.kind]).reshape(self.shape)
        view = base
        for name, *rest in self.views:
            if name == "transpose":
                view = view.transpose(*rest)
            elif name == "slice":
                dim, start, end, step = rest
                view = view[(slice(None),) * (dim % view.dim()) + (slice(start, end, step),)]
            elif name == "expand":
                view = view.expand(rest[0])
            elif name == "select":
                view = view.select(*rest)
            else:
                raise ValueError(name)
        view = view.detach()
        return view.requires_grad_() if self.grad else view

    def describe(self):
        d = {"v": [number(x) for x in self.values], "s": self.shape}
        if self.kind != "f":
            d["d"] = self.kind
        if self.views:
            d["views"] = self.views
        if self.kind == "f" and not self.grad:
            d["grad"] = False
        return d


def number(x):
    """JSON has no NaN or infinity; those are strings."""
    if isinstance(x, bool) or isinstance(x, int):
        return int(x)
    x = float(x)
    if math.isfinite(x):
        return int(x) if x == int(x) and abs(x) < 1e15 and not (x == 0 and math.copysign(1, x) < 0) else x
    return "nan" if math.isnan(x) else ("inf" if x > 0 else "-inf")


def numbers(t):
    return [number(x) for x in t.detach().reshape(-1).tolist()]


def grad_output(shape):
    """A fixed gradient with no zero in it: element k is ((7k + 3) mod 11 - 5) / 4 + 1/8."""
    n = int(np.prod(shape)) if len(shape) else 1
    k = torch.arange(n, dtype=torch.float64)
    return (((7 * k + 3) % 11 - 5) / 4 + 0.125).reshape(tuple(shape))


class Values:
    """Draws of short decimals that float32 holds exactly, seeded by a name."""

    def __init__(self, name):
        self.rng = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)

    def draw(self, shape, low=-3.0, high=3.0, distinct=False):
        n = int(np.prod(shape)) if len(shape) else 1
        if distinct:
            steps = self.rng.permutation(max(4 * n, 4))[:n] - 2 * n
            return (steps / 8.0 + 0.0625).tolist()
        return (np.round(self.rng.uniform(low, high, n) * 64) / 64).tolist()

    def t(self, *shape, low=-3.0, high=3.0, views=(), grad=True, distinct=False):
        return Input(self.draw(shape, low, high, distinct), shape, "f", views, grad)

    def i(self, *shape, low=0, high=5, views=()):
        n = int(np.prod(shape)) if len(shape) else 1
        return Input(self.rng.randint(low, high, n).tolist(), shape, "i", views)

    def b(self, *shape, views=()):
        n = int(np.prod(shape)) if len(shape) else 1
        return Input([bool(x) for x in self.rng.randint(0, 2, n)], shape, "b", views)


def kind_of(t, float_case):
    if t.dtype in (torch.float64, torch.float32):
        return "f" if float_case else "f32"
    return {torch.int64: "i", torch.bool: "b"}[t.dtype]


class Family:
    """The cases of one fixture file."""

    def __init__(self, name, ops, elementwise=()):
        self.name, self.ops, self.elementwise, self.cases = name, ops, set(elementwise), []

    def case(self, op, inputs, scale=None, only=None, grads=True, **args):
        """`scale`: a function like the op, run on absolute values, whose results bound what was
        summed; without it the largest finite result stands for the scale."""
        torch.manual_seed(0)
        tensors = [x.build() for x in inputs]
        out = self.ops[op](*tensors, **args)
        outs = list(out) if isinstance(out, (tuple, list)) else [out]
        float_case = any(x.kind == "f" for x in inputs) or not inputs
        record = {"op": op, "in": [x.describe() for x in inputs]}
        if args:
            record["args"] = {k: number(a) if isinstance(a, float) else a for k, a in args.items()}
        record["out"] = []
        for o in outs:
            d = {"s": list(o.shape), "v": numbers(o)}
            if kind_of(o, float_case) != "f":
                d["d"] = kind_of(o, float_case)
            record["out"].append(d)
        if op not in self.elementwise:
            record["rule"] = "scaled"
        if only:
            record["only"] = only
        if outs and outs[0].grad_fn is not None:
            name = outs[0].grad_fn.name().replace("torch::autograd::", "")
            if comparable_name(op, tensors, args, name):
                record["fn"] = name
        leaves = [t for t, x in zip(tensors, inputs) if x.grad]
        ways = [o for o in outs if o.requires_grad]
        if leaves and ways and grads:
            torch.autograd.backward(ways, [grad_output(o.shape) for o in ways])
            record["grads"] = [None if t.grad is None else numbers(t.grad) for t in leaves]
        if scale is not None:
            self.add_scale(record, inputs, scale, args)
        self.cases.append(record)

    def add_scale(self, record, inputs, scale, args):
        positive = []
        for x in inputs:
            t = x.build()
            positive.append(t.detach().abs().requires_grad_(x.grad) if t.is_floating_point() else t)
        out = scale(*positive, **args)
        largest = lambda t: number(t.detach().abs().max()) if t.numel() else 0
        record["out"][0]["scale"] = largest(out)
        leaves = [t for t, x in zip(positive, inputs) if x.grad]
        if "grads" in record and out.requires_grad:
            out.backward(grad_output(out.shape).abs())
            record["gradscale"] = [0 if t.grad is None else largest(t.grad) for t in leaves]

    def write(self):
        write(self.name, {"cases": self.cases})


def write(name, data):
    """One case a line, so that a change of a fixture reads as a change of its cases."""
    path = FIXTURES / (name + ".json")
    dump = lambda x: json.dumps(x, separators=(",", ":"), allow_nan=False)
    parts = []
    for key, value in data.items():
        if isinstance(value, list):
            parts.append(dump(key) + ":[\n" + ",\n".join(dump(v) for v in value) + "\n]")
        else:
            parts.append(dump(key) + ":" + dump(value))
    path.write_text("{" + ",\n".join(parts) + "}\n")
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")
