"""Views and copies that move elements without computing with them, and indexing."""

import torch
import torch.nn.functional as F

from recording import Family, Input, Values

T01 = [["transpose", 0, 1]]
STEP = [["slice", 1, 1, 8, 2]]


def index_key(rest, what):
    """`what`: ["int", i], ["slice", start, end, step], ["none"], ["ellipsis"], ["tensor"]"""
    key = []
    for kind, *args in what:
        if kind == "int":
            key.append(args[0])
        elif kind == "slice":
            key.append(slice(*args))
        elif kind == "none":
            key.append(None)
        elif kind == "ellipsis":
            key.append(Ellipsis)
        else:
            key.append(rest.pop(0))
    return tuple(key)


def index(x, *more, what):
    return x[index_key(list(more), what)]


OPS = {
    "view": lambda x, sizes: x.view(sizes), "reshape": lambda x, sizes: x.reshape(sizes),
    "flatten": lambda x, start_dim=0, end_dim=-1: x.flatten(start_dim, end_dim),
    "unflatten": lambda x, dim, sizes: x.unflatten(dim, sizes),
    "transpose": lambda x, a, b: x.transpose(a, b), "t": torch.t, "T": lambda x: x.T,
    "mT": lambda x: x.mT, "permute": lambda x, dims: x.permute(dims),
    "movedim": lambda x, source, destination: x.movedim(source, destination),
    "squeeze": lambda x, dim=None: x.squeeze() if dim is None else x.squeeze(dim),
    "unsqueeze": lambda x, dim: x.unsqueeze(dim), "expand": lambda x, sizes: x.expand(sizes),
    "broadcast_to": lambda x, sizes: x.broadcast_to(sizes),
    "repeat": lambda x, repeats: x.repeat(repeats),
    "narrow": lambda x, dim, start, length: x.narrow(dim, start, length),
    "slice": lambda x, dim, start, end, step=1: x[
        (slice(None),) * (dim % x.dim()) + (slice(start, end, step),)],
    "select": lambda x, dim, index: x.select(dim, index),
    "chunk": lambda x, chunks, dim=0: x.chunk(chunks, dim),
    "split": lambda x, size, dim=0: x.split(size, dim),
    "cat": lambda *x, dim=0: torch.cat(x, dim), "stack": lambda *x, dim=0: torch.stack(x, dim),
    "flip": lambda x, dims: x.flip(dims),
    "roll": lambda x, shifts, dims=None: x.roll(shifts, dims),
    "tril": lambda x, diagonal=0: x.tril(diagonal), "triu": lambda x, diagonal=0: x.triu(diagonal),
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: x.diagonal(offset, dim1, dim2),
    "as_strided": lambda x, sizes, strides, offset=None: x.as_strided(sizes, strides, offset),
    "contiguous": lambda x: x.contiguous(), "clone": lambda x: x.clone(),
    "unfold": lambda x, dim, size, step: x.unfold(dim, size, step),
    "index": index, "index_select": lambda x, i, dim: x.index_select(dim, i),
    "gather": lambda x, i, dim: x.gather(dim, i),
    "scatter_add": lambda x, i, src, dim: x.scatter_add(dim, i, src),
    "masked_select": torch.masked_select, "nonzero": torch.nonzero,
    "one_hot": lambda x, num_classes=-1: F.one_hot(x, num_classes),
    "embedding": lambda i, w, padding_idx=None: F.embedding(i, w, padding_idx),
}


def views(f):
    v = Values("views")
    t = v.t
    c = lambda op, x, **a: f.case(op, [x], **a)
    c("view", t(3, 4), sizes=[2, 6])
    c("view", t(3, 4), sizes=[-1])
    c("view", t(2, 3, 4), sizes=[6, -1])
    c("view", t(), sizes=[1, 1])
    c("view", t(0, 3), sizes=[3, 0])
    c("view", t(2, 3, 8, views=[["slice", 2, 0, 8, 2]]), sizes=[6, 4])
    c("view", t(3, 1, views=[["expand", [3, 4]]]), sizes=[3, 2, 2])
    c("view", v.i(2, 2), sizes=[4])
    for s in ([4, 3], [-1], [2, -1], [1, 12, 1]):
        c("reshape", t(3, 4), sizes=s)
        c("reshape", t(4, 3, views=T01), sizes=s)
    c("reshape", t(0, 3), sizes=[0, 5])
    c("reshape", t(1), sizes=[])
    c("reshape", t(3, 1, views=[["expand", [3, 4]]]), sizes=[12])
    c("flatten", t(2, 3, 4))
    c("flatten", t(2, 3, 4), start_dim=1)
    c("flatten", t(2, 3, 4, 2), start_dim=-3, end_dim=-2)
    c("flatten", t())
    c("flatten", t(5))
    c("flatten", t(4, 3, views=T01))
    c("unflatten", t(3, 8), dim=1, sizes=[2, 4])
    c("unflatten", t(6, 2), dim=-2, sizes=[2, -1])
    c("transpose", t(2, 3, 4), a=0, b=-1)
    c("transpose", t(2, 3), a=1, b=1)
    c("transpose", t(), a=0, b=-1)
    c("t", t(3, 4))
    c("t", t(3))
    c("t", t())
    c("T", t(3, 4))
    c("mT", t(2, 3, 4))
    c("permute", t(2, 3, 4), dims=[2, 0, 1])
    c("permute", t(2, 3, 4), dims=[-1, 0, -2])
    c("permute", t(), dims=[])
    c("movedim", t(2, 3, 4, 1), source=0, destination=2)
    c("movedim", t(2, 3, 4), source=-1, destination=0)
    c("squeeze", t(1, 3, 1, 2))
    c("squeeze", t(1, 3, 1, 2), dim=2)
    c("squeeze", t(1, 3, 1, 2), dim=1)
    c("squeeze", t(1, 3), dim=-2)
    c("squeeze", t())
    for d in (0, 1, -1, -3):
        c("unsqueeze", t(3, 4), dim=d)
    c("unsqueeze", t(), dim=0)
    c("expand", t(3, 1), sizes=[3, 4])
    c("expand", t(3, 1), sizes=[2, -1, 4])
    c("expand", t(), sizes=[2, 2])
    c("expand", t(1, 3), sizes=[0, 3])
    c("broadcast_to", t(4), sizes=[3, 4])
    c("repeat", t(2, 3), repeats=[2, 2])
    c("repeat", t(3), repeats=[2, 1, 2])
    c("repeat", t(3, 2, views=T01), repeats=[1, 3])
    c("repeat", t(2, 3), repeats=[0, 1])
    c("narrow", t(4, 5), dim=1, start=1, length=3)
    c("narrow", t(4, 5), dim=-2, start=0, length=0)
    for a in ((1, 4, 1), (0, 5, 2), (-3, -1, 1), (None, None, 3), (4, 2, 1), (-100, 100, 1)):
        c("slice", t(3, 5), dim=1, start=a[0], end=a[1], step=a[2])
        c("slice", t(5, 3), dim=-2, start=a[0], end=a[1], step=a[2])
    c("select", t(3, 4), dim=0, index=1)
    c("select", t(3, 4), dim=-1, index=-1)
    c("select", t(3), dim=0, index=2)
    c("diagonal", t(3, 4))
    c("diagonal", t(3, 4), offset=1)
    c("diagonal", t(3, 4), offset=-2)
    c("diagonal", t(2, 3, 4), offset=0, dim1=-2, dim2=-1)
    c("diagonal", t(2, 2), offset=5)
    c("unfold", t(7), dim=0, size=3, step=2)
    c("unfold", t(3, 5), dim=1, size=2, step=1)
    c("unfold", t(5, 3), dim=0, size=3, step=2)
    c("contiguous", t(3, 4))
    c("contiguous", t(4, 3, views=T01))
    c("clone", t(4, 3, views=T01))
    c("clone", t(3, 8, views=STEP))
    c("clone", v.b(3))
    c("clone", t(0, 2))


def copies(f):
    v = Values("copies")
    t = v.t
    c = lambda op, *x, **a: f.case(op, list(x), **a)
    for n in (2, 3, 5, 9):
        c("chunk", t(5, 2), chunks=n)
        c("chunk", t(3, 7), chunks=n, dim=-1)
    for s in (1, 2, 3, 7, [2, 3], [5, 0], [1, 1, 3]):
        c("split", t(5, 2), size=s)
    c("split", t(2, 4), size=2, dim=1)
    c("split", t(4, 5, views=T01), size=[1, 4])
    c("cat", t(2, 3), t(1, 3), t(4, 3))
    c("cat", t(2, 3), t(2, 1), dim=1)
    c("cat", t(2, 3), t(2, 3), dim=-2)
    c("cat", t(3, 2, views=T01), t(2, 3, grad=False), t(2, 8, views=[["slice", 1, 0, 6, 2]]))
    c("cat", t(0, 3), t(2, 3))
    c("cat", t(0), t(2, 3))
    c("cat", t(2))
    c("cat", v.i(2), v.i(3))
    c("cat", v.i(2), t(3))
    for d in (0, 1, 2, -1, -3):
        c("stack", t(2, 3), t(3, 2, views=T01), dim=d)
    c("stack", t(), t())
    c("flip", t(3, 4), dims=[0])
    c("flip", t(2, 3, 4), dims=[-1, 0])
    c("flip", t(4, 3, views=T01), dims=[1])
    c("flip", t(0, 3), dims=[0])
    c("roll", t(4, 3), shifts=[1], dims=[0])
    c("roll", t(4, 3), shifts=[-1], dims=[0])
    c("roll", t(4, 3), shifts=[5], dims=[-1])
    c("roll", t(2, 3, 4), shifts=[1, -2], dims=[0, 2])
    c("roll", t(3, 4), shifts=[-5])
    c("roll", t(4, 3, views=T01), shifts=[2], dims=[1])
    c("roll", t(0, 3), shifts=[1], dims=[0])
    for d in (0, 1, -1, 5, -5):
        c("tril", t(3, 4), diagonal=d)
        c("triu", t(4, 3), diagonal=d)
    c("tril", t(2, 3, 3))
    c("triu", t(3, 2, 3, views=T01))
    c("tril", v.b(3, 3))
    c("triu", v.i(3, 3))


def indexing(f):
    v = Values("indexing")
    t = v.t
    c = lambda op, *x, **a: f.case(op, list(x), **a)
    ix = lambda *values: Input(list(values), [len(values)], "i")
    all_ = ["slice", None, None, None]
    for what in ([["int", 1]], [["int", -1], ["int", 0]], [all_, ["int", 2]],
                 [["slice", 1, 3, None], ["slice", None, None, 2]], [["none"], all_],
                 [["ellipsis"], ["int", 1]], [["ellipsis"], ["none"]],
                 [["int", 0], ["ellipsis"], ["none"], ["slice", -2, None, None]]):
        c("index", t(4, 5), what=what)
        c("index", t(2, 4, 5), what=what)
    T = ["tensor"]
    c("index", t(4, 3), ix(2, 0, 2), what=[T])
    c("index", t(4, 3), ix(-1, 0), what=[T])
    c("index", t(4, 3), ix(2, 0, 2), what=[all_, T])
    c("index", t(4, 3), ix(2, 0, 2), ix(1, 1, 0), what=[T, T])
    c("index", t(4, 3), Input([0, 1, 2, 3], [2, 2], "i"), what=[T])
    c("index", t(4, 3), Input([0, 3], [2, 1], "i"), ix(0, 2), what=[T, T])
    c("index", t(2, 3, 4), ix(0, 1), ix(3, 0), what=[T, all_, T])
    c("index", t(4, 3), Input([True, False, True, True], [4], "b"), what=[T])
    c("index", t(3, 4), v.b(3, 4), what=[T])
    c("index", t(3, 4, views=T01), ix(3, 1), what=[T])
    c("index", t(4, 3), Input([], [0], "i"), what=[T])
    c("index_select", t(4, 3), ix(2, 0, 2), dim=0)
    c("index_select", t(4, 3), ix(2, 2), dim=-1)
    c("index_select", t(4, 3, views=T01), ix(1), dim=1)
    c("index_select", t(4, 3), Input([], [0], "i"), dim=0)
    c("gather", t(3, 4), v.i(3, 2, high=4), dim=1)
    c("gather", t(3, 4), v.i(2, 4, high=3), dim=0)
    c("gather", t(2, 3, 4), v.i(2, 3, 2, high=4), dim=-1)
    c("gather", t(4, 3, views=T01), v.i(2, 3, high=3, views=T01), dim=1)
    c("gather", t(5), v.i(0), dim=0)
    c("scatter_add", t(3, 4), v.i(3, 4, high=4), t(3, 4), dim=1)
    c("scatter_add", t(3, 4), v.i(2, 3, high=3), t(2, 3), dim=0)
    c("scatter_add", t(4, 3, views=T01), v.i(3, 4, high=4), t(4, 3, views=T01), dim=-1)
    c("scatter_add", t(5), v.i(0), t(0), dim=0)
    c("masked_select", t(3, 4), v.b(3, 4))
    c("masked_select", t(3, 4), v.b(4))
    c("masked_select", t(4), v.b(3, 4))
    c("masked_select", t(4, 3, views=T01), v.b(3, 1))
    c("nonzero", v.b(3, 4))
    c("nonzero", Input([0.0, 1.0, float("nan"), -0.0], [4]))
    c("nonzero", v.i(2, 2, 2, high=2))
    c("nonzero", Input([1], [], "i"))
    c("one_hot", ix(0, 2, 1))
    c("one_hot", ix(0, 2, 1), num_classes=5)
    c("one_hot", v.i(2, 3), num_classes=5)
    c("embedding", ix(2, 0, 2), t(4, 3))
    c("embedding", v.i(2, 3, high=4), t(4, 3))
    c("embedding", ix(2, 0, 2, 1), t(4, 3), padding_idx=2)
    c("embedding", Input([1], [], "i"), t(4, 3, views=[["transpose", 0, 1]]))
    c("embedding", Input([], [0], "i"), t(4, 3))
    more_indexing(f)


def more_indexing(f):
    v = Values("more indexing")
    t = v.t
    c = lambda op, *x, **a: f.case(op, list(x), **a)
    ix = lambda *values: Input(list(values), [len(values)], "i")
    mask = lambda: Input([True, False, True, False, True, True], [2, 3], "b")
    T, all_ = ["tensor"], ["slice", None, None, None]
    for padding in (-1, -4, 3):
        c("embedding", ix(0, 3, 3, 1), t(4, 3), padding_idx=padding)
    # A mask of two dims beside other indices. (Behind one, PyTorch 1.13 takes integers and ranges
    # for those of another dim: it counts a mask as one.)
    c("index", t(2, 3, 4), mask(), what=[T])
    c("index", t(2, 3, 4), mask(), ix(0, 1, 2, 3), what=[T, T])
    c("index", t(2, 3, 4), mask(), ix(2), what=[T, T])
    c("index", t(2, 3, 4), mask(), Input([0, 3], [2, 1], "i"), what=[T, T])
    c("index", t(4, 2, 3), ix(3), mask(), what=[T, T])
    c("index", t(4, 2, 3), ix(3, 0, 1, 0), mask(), what=[T, T])
    c("index", t(4, 2, 3), mask(), what=[["int", 1], T])
    c("index", t(4, 2, 3), mask(), what=[["slice", 1, 4, 2], T])
    c("index", t(4, 2, 3), mask(), what=[["ellipsis"], T])
    c("index", t(2, 3, 4), mask(), what=[["none"], T])
    c("index", t(2, 3, 4, 2), mask(), ix(1), what=[T, all_, T])
    c("index", t(2, 3, 2, 4), Input([True, False], [2], "b"), Input([True, True], [2], "b"),
      what=[T, all_, T])
    c("index", t(2, 3), Input([True], [], "b"), what=[T])
    c("index", t(2, 3), Input([False], [], "b"), what=[T])
    c("index", t(2, 3), Input([True], [], "b"), what=[T, ["int", 1]])


def of_other_types(f):
    v = Values("other types")
    c = lambda op, *x, **a: f.case(op, list(x), **a)
    ix = lambda *values: Input(list(values), [len(values)], "i")
    T, all_ = ["tensor"], ["slice", None, None, None]
    for x in (v.i, v.b):
        turned = lambda: x(4, 3, views=T01)
        c("reshape", turned(), sizes=[2, -1])
        c("flatten", x(2, 3, 2), start_dim=1)
        c("unflatten", x(2, 6), dim=1, sizes=[2, 3])
        c("permute", x(2, 3, 2), dims=[2, 0, 1])
        c("expand", x(3, 1), sizes=[2, 3, 4])
        c("repeat", turned(), repeats=[2, 1, 2])
        c("narrow", turned(), dim=1, start=1, length=2)
        c("chunk", x(3, 5), chunks=2, dim=1)
        c("split", x(5), size=[2, 3])
        c("cat", x(2, 3), x(1, 3))
        c("stack", turned(), x(3, 4), dim=-1)
        c("flip", turned(), dims=[0, 1])
        c("roll", turned(), shifts=[1], dims=[1])
        c("diagonal", x(3, 4), offset=1)
        c("contiguous", turned())
        c("clone", turned())
        c("unfold", x(7), dim=0, size=3, step=2)
        c("index", turned(), what=[["int", 1], ["none"], ["slice", 1, None, 2]])
        c("index", turned(), ix(2, 0, 2), what=[T])
        c("index", turned(), ix(2, 0, 2), what=[all_, T])
        c("index", turned(), v.b(3, 4), what=[T])
        c("index_select", turned(), ix(2, 2), dim=1)
        c("gather", turned(), v.i(2, 4, high=3), dim=0)
        c("masked_select", turned(), v.b(3, 1))
    c("scatter_add", v.i(3, 4), v.i(2, 4, high=3), v.i(2, 4), dim=0)
    c("nonzero", v.b(4, 3, views=T01))
    c("as_strided", v.t(12), sizes=[3, 4], strides=[1, 3])
    c("as_strided", v.t(2, 3), sizes=[2, 2], strides=[1, 3], offset=1)
    c("as_strided", v.t(5), sizes=[4, 2], strides=[1, 1])
    c("as_strided", v.t(4), sizes=[3, 4], strides=[0, 1])
    c("as_strided", v.i(6), sizes=[], strides=[], offset=5)


def generate():
    f = Family("shape", OPS, elementwise=OPS)
    views(f)
    copies(f)
    indexing(f)
    of_other_types(f)
    f.write()


if __name__ == "__main__":
    generate()
