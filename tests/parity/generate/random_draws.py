"""Draws from PyTorch's CPU generator after manual_seed.

A sequence is one seed and a list of steps; each step holds its arguments and its values. float32
values are written as the shortest decimal of the double they equal, so they are exact."""

import torch
import torch.nn.functional as F

from recording import number, write

DTYPES = {"f32": torch.float32, "f64": torch.float64}


def initialised(layer):
    return torch.cat([p.detach().reshape(-1) for p in layer.parameters()])


DRAWS = {
    "rand": lambda sizes, dtype: torch.rand(sizes, dtype=DTYPES[dtype]),
    "uniform_": lambda sizes, dtype, low, high: torch.empty(
        sizes, dtype=DTYPES[dtype]).uniform_(low, high),
    "randn": lambda sizes, dtype: torch.randn(sizes, dtype=DTYPES[dtype]),
    "normal_": lambda sizes, dtype, mean, std: torch.empty(
        sizes, dtype=DTYPES[dtype]).normal_(mean, std),
    "randint": lambda low, high, sizes: torch.randint(low, high, sizes),
    "randperm": lambda n: torch.randperm(n),
    "bernoulli": lambda p, sizes: torch.bernoulli(torch.full(sizes, p)),
    "bernoulli_": lambda p, sizes: torch.empty(sizes).bernoulli_(p),
    "dropout": lambda p, sizes: F.dropout(torch.ones(sizes), p, True),
    "multinomial": lambda weights: torch.multinomial(torch.tensor(weights), 1),
    "multinomial_many": lambda weights, samples, replacement: torch.multinomial(
        torch.tensor(weights), samples, replacement),
    "linear": lambda inputs, outputs, bias: initialised(torch.nn.Linear(inputs, outputs, bias)),
    "init": lambda name, sizes, dtype, **options: getattr(torch.nn.init, name)(
        torch.empty(sizes, dtype=DTYPES[dtype]), **options),
    "embedding": lambda rows, width: initialised(torch.nn.Embedding(rows, width)),
}
SEEDS = [0, 1, 42, 1345481140, -1, -123456789, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 7,
         2 ** 63 - 1, -2 ** 63]


def sequence(seed, *steps):
    torch.manual_seed(seed)
    out = []
    for draw, args in steps:
        values = DRAWS[draw](**args)
        out.append({"draw": draw, "args": args, "s": list(values.shape),
                    "v": [number(x) for x in values.reshape(-1).tolist()]})
    return {"seed": seed, "steps": out}


def rand(*sizes, dtype="f32"):
    return "rand", {"sizes": list(sizes), "dtype": dtype}


def randn(*sizes, dtype="f32"):
    return "randn", {"sizes": list(sizes), "dtype": dtype}


def generate():
    s = []
    for seed in SEEDS:
        s.append(sequence(seed, rand(5), randn(3), rand(2, dtype="f64"), randn(17)))
    for dtype in ("f32", "f64"):
        s.append(sequence(7, rand(3, 5, dtype=dtype)))
        s.append(sequence(7, ("uniform_", {"sizes": [20], "dtype": dtype, "low": -0.1, "high": 0.3})))
        s.append(sequence(7, ("uniform_", {"sizes": [9], "dtype": dtype, "low": 5.0, "high": 5.0})))
        for n in (0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 40):
            s.append(sequence(11, randn(n, dtype=dtype)))
        s.append(sequence(11, ("normal_", {"sizes": [5], "dtype": dtype, "mean": 2.0, "std": 0.02})))
        s.append(sequence(11, ("normal_", {"sizes": [4, 5], "dtype": dtype, "mean": -1.0,
                                          "std": 3.0})))
    # An odd count of short normals leaves one in the cache: what follows must find it, or not.
    s.append(sequence(3, randn(1), randn(1), randn(1), rand(1), randn(1), randn(2, dtype="f64")))
    s.append(sequence(3, randn(3), randn(16), randn(1), rand(2), randn(1)))
    s.append(sequence(3, randn(3, dtype="f64"), randn(20, dtype="f64"), randn(3)))
    s.append(sequence(3, randn(1), ("randperm", {"n": 5}), randn(1), ("dropout", {
        "p": 0.5, "sizes": [4]}), randn(2)))
    for low, high in ((0, 2), (0, 10), (-5, 5), (0, 2 ** 31), (10, 11), (-2 ** 31, 2 ** 31 - 1)):
        s.append(sequence(5, ("randint", {"low": low, "high": high, "sizes": [2, 6]})))
    for n in (0, 1, 2, 10, 33):
        s.append(sequence(5, ("randperm", {"n": n})))
    for p in (0.0, 0.25, 0.5, 1.0):
        s.append(sequence(5, ("bernoulli", {"p": p, "sizes": [12]}), rand(1)))
        s.append(sequence(5, ("bernoulli_", {"p": p, "sizes": [12]}), rand(1)))
    for p in (0.1, 0.5, 0.9):
        s.append(sequence(5, ("dropout", {"p": p, "sizes": [5, 7]}), rand(1)))
    w = [[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 2.0, 5.0], [0.0, 0.0, 1.0, 0.0]]
    s.append(sequence(5, ("multinomial", {"weights": w}), ("multinomial", {"weights": w}), rand(1)))
    s.append(sequence(5, ("multinomial", {"weights": [3.0, 1.0, 4.0, 1.0, 5.0]}), rand(1)))
    s.append(sequence(5, ("multinomial_many", {"weights": [3.0, 1.0, 4.0, 1.0, 5.0], "samples": 3,
                                              "replacement": False}), rand(1)))
    s.append(sequence(5, ("multinomial_many", {"weights": w[0], "samples": 9,
                                              "replacement": True}), rand(1)))
    for i, o in ((3, 3), (4, 2), (1, 5), (7, 3)):
        for bias in (True, False):
            s.append(sequence(1345481140, ("linear", {"inputs": i, "outputs": o, "bias": bias}),
                              ("linear", {"inputs": o, "outputs": i, "bias": bias})))
    s.append(sequence(9, ("embedding", {"rows": 5, "width": 4}), ("embedding", {"rows": 2,
                                                                               "width": 3})))
    s.append(sequence(9, rand(2), ("linear", {"inputs": 3, "outputs": 2, "bias": True}), randn(2),
                      ("randint", {"low": 0, "high": 100, "sizes": [3]}), ("randperm", {"n": 6}),
                      randn(1, dtype="f64"), ("dropout", {"p": 0.3, "sizes": [6]}), randn(18)))
    for dtype in ("f32", "f64"):
        for sizes in ([3, 4], [2, 3, 4]):
            init = lambda name, **options: sequence(6, ("init", {
                "name": name, "sizes": sizes, "dtype": dtype, **options}), rand(1))
            s += [init("uniform_"), init("uniform_", a=-2.0, b=3.0), init("normal_"),
                  init("normal_", mean=1.0, std=0.02), init("zeros_"), init("ones_"),
                  init("xavier_uniform_"), init("xavier_uniform_", gain=2.0),
                  init("xavier_normal_"), init("xavier_normal_", gain=0.5),
                  init("kaiming_uniform_"), init("kaiming_uniform_", a=0.3, mode="fan_out"),
                  init("kaiming_uniform_", nonlinearity="relu"), init("kaiming_normal_"),
                  init("kaiming_normal_", mode="fan_out", nonlinearity="tanh"),
                  init("trunc_normal_"), init("trunc_normal_", mean=0.5, std=2.0, a=-1.0, b=1.5)]
    # The state is regenerated after 624 words.
    s.append(sequence(2, rand(700), rand(3)))
    s.append(sequence(2, rand(400, dtype="f64"), rand(3)))
    write("random", {"sequences": s})


if __name__ == "__main__":
    generate()
