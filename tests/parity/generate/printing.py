"""What str(tensor) gives in PyTorch, with its print options. heed writes dtype=float64 where
PyTorch writes dtype=torch.float64."""

import itertools
import math

import torch

from recording import Values, number, write

INF, NAN = math.inf, math.nan
DTYPES = {"f32": torch.float32, "f64": torch.float64, "i": torch.int64, "b": torch.bool}
CASES = []
# heed's names of types are shorter, which moves where a line is broken.
add_suffixes = torch._tensor_str._add_suffixes
torch._tensor_str._add_suffixes = lambda text, suffixes, *rest, **more: add_suffixes(
    text, [s.replace("dtype=torch.", "dtype=") for s in suffixes], *rest, **more)
DEFAULT = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def case(values, shape, dtype="f32", options=None, how=None, views=()):
    """`how`: "requires_grad", or an op whose result is printed with its grad_fn."""
    x = torch.tensor(values, dtype=DTYPES[dtype]).reshape(shape)
    for a, b in views:
        x = x.transpose(a, b)
    y = x
    if how:
        x = x.detach().requires_grad_()
        y = {"requires_grad": lambda: x, "exp": x.exp, "mul": lambda: x * 2, "sum": x.sum}[how]()
    torch.set_printoptions(**{**DEFAULT, **(options or {})})
    text = str(y)
    torch.set_printoptions(**DEFAULT)
    record = {"v": [number(v) for v in values], "s": list(shape), "d": dtype, "text": text}
    for key, value in (("options", options), ("how", how), ("views", [list(v) for v in views])):
        if value:
            record[key] = value
    CASES.append(record)


def plain():
    v = Values("printing")
    case([3.5], [])
    case([3.0], [])
    case([-0.0], [])
    case([7], [], "i")
    case([True], [], "b")
    case([2.5], [], "f64")
    case([NAN], [])
    case([INF], [])
    case([-INF], [])
    case([1e-8], [])
    case([123456789.0], [])
    case([], [0])
    for dtype in ("f32", "f64", "i", "b"):
        for shape in ([0], [2, 0], [0, 3], [2, 0, 3]):
            case([], shape, dtype)
    case([1.0, 2.0, 3.0], [3])
    case([1.0, -2.0, 3.0], [3])
    case([1.0, 2.5, -3.0], [3])
    case([0.0, 0.0], [2])
    case([1.0, NAN, INF], [3])
    case([1.5, NAN, -INF], [3])
    case([NAN, NAN], [2])
    case([INF, -INF], [2])
    case([1000.0, 0.5], [2])
    case([1001.0, 1.5], [2])
    case([100000.0, 1.0], [2])
    case([1e8, 1.0], [2])
    case([1e8 + 0.5, 1.0], [2], "f64")
    case([99999999.0, 1.0], [2])
    case([1e-5, 1.0], [2])
    case([1e-4, 1e-1], [2])
    case([1e-5, 1e-6], [2])
    case([0.00012, 0.5], [2])
    case([1e10, 1e-10, 0.0], [3])
    case([1e30, 2.0], [2])
    case([-1e30, NAN], [2])
    case([1e-45, 1.0], [2])
    case([1e300, 1.0], [2], "f64")
    case([1e-300, 1.0], [2], "f64")
    case([0.1, 0.25, 0.33333], [3], "f64")
    case([99999.5, 1.0], [2])
    case([0.99999, 0.5], [2])
    case([999.99995, 0.5], [2])
    case([2.00005, 0.00015], [2])
    case([1, -20, 300], [3], "i")
    case([2 ** 62, -1], [2], "i")
    case([True, False, True], [3], "b")
    case([1, 2, 3, 4], [2, 2], "i")
    case([True, False], [2, 1], "b")
    for shape in ([2, 3], [2, 3, 2], [2, 1, 2, 2], [1, 1, 1], [12], [5, 1]):
        n = math.prod(shape)
        case(v.draw(shape), shape)
        case(v.draw(shape), shape, "f64")
        case(list(range(n)), shape, "i")
    case(v.draw([30], -1, 1), [30])
    case(v.draw([40], -100, 100), [40])
    case(v.draw([2, 25]), [2, 25])
    case(list(range(60)), [60], "i")
    case([bool(i % 3) for i in range(40)], [40], "b")
    case(v.draw([3, 4]), [3, 4], views=[(0, 1)])


def summarised():
    case([float(i) for i in range(1001)], [1001])
    case([float(i) for i in range(1000)], [1000])
    case(list(range(1200)), [1200], "i")
    case([i / 8 for i in range(1600)], [40, 40])
    case(list(range(1331)), [11, 11, 11], "i")
    case([i / 16 for i in range(1200)], [300, 4])
    case([i / 16 for i in range(1200)], [2, 600])
    case([bool(i % 2) for i in range(1100)], [1100], "b")
    case([1e8 if i == 500 else 1.0 for i in range(1001)], [1001])
    small = {"threshold": 10, "edgeitems": 2}
    case([float(i) for i in range(12)], [12], options=small)
    case([i + 0.5 for i in range(12)], [3, 4], options=small)
    case([i + 0.5 for i in range(64)], [4, 4, 4], options={"threshold": 10, "edgeitems": 1})
    case([float(i) for i in range(12)], [12], options={"threshold": 0, "edgeitems": 6})
    case([float(i) for i in range(30)], [5, 6], options={"threshold": 5, "edgeitems": 3})


def options():
    v = Values("print options")
    values = v.draw([2, 5], -10, 10)
    for precision, sci in itertools.product((0, 2, 6, 8), (None, True, False)):
        case(values, [2, 5], options={"precision": precision, "sci_mode": sci})
    for width in (20, 40, 200):
        case(values, [2, 5], options={"linewidth": width})
        case([1.0, 20.0, 300.0, 4.0, 5.0, 6.0], [6], options={"linewidth": width})
    case([1.0, 2.0], [2], options={"sci_mode": True})
    case([1.0, 2.0, 3.0], [3], options={"sci_mode": True, "precision": 1})
    case([1e10, 1e-10], [2], options={"sci_mode": False})
    case([NAN, 1.0], [2], options={"sci_mode": True})
    case([3.25], [], options={"precision": 1})
    case([1, 2], [2], "i", options={"precision": 2})


def gradients():
    v = Values("print gradients")
    values = v.draw([2, 3])
    for how in ("requires_grad", "exp", "mul", "sum"):
        case(values, [2, 3], how=how)
        case(values, [2, 3], "f64", how=how)
    case([1.0], [], how="requires_grad")
    case([1.0], [], how="mul")
    case([], [0], how="requires_grad")
    case([], [2, 0], how="mul")
    case([], [2, 0], "f64", how="mul")
    wide = v.draw([12], 100, 200)
    case(wide, [12], how="requires_grad")
    case(wide, [12], how="exp")
    case(v.draw([8], 100, 200), [8], how="requires_grad")
    case(v.draw([7], 100, 200), [7], "f64", how="mul")
    case(v.draw([6], 100, 200), [6], "f64", how="mul")
    case(v.draw([5], 100, 200), [5], "f64", how="mul")


def generate():
    CASES.clear()
    plain()
    summarised()
    options()
    gradients()
    write("printing", {"cases": CASES})
    print(len(CASES), "printed tensors")


if __name__ == "__main__":
    generate()
