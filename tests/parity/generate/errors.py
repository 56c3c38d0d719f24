"""Misuse: the calls that PyTorch refuses, and its words where they are about tensors at all.

`text` is null where PyTorch's message is about its own Python signatures or types; there only the
refusal itself is held."""

import torch

import elementwise
import linalg
import neural
import reductions
import shape
from recording import Input, Values, write

OPS = {**elementwise.OPS, **reductions.OPS, **linalg.OPS, **shape.OPS, **neural.OPS,
       "new_zeros": lambda sizes: torch.zeros(sizes),
       "requires_grad": lambda x: x.requires_grad_(),
       "backward": lambda x: x.backward(),
       "backward_with": lambda x, g: (x * 2).backward(g)}
OPINIONS = ("torch.", "Python", "argument '", "positional", "CPUFunction", "kernel", "_cpu", "_th_")
# The errors whose words heed keeps: they are what a user searches for.
WORDS = ("mat1 and mat2 shapes cannot", "The size of tensor a", "grad can be implicitly",
         "element 0 of tensors", "view size is not compatible", "shape '", "Dimension out of range",
         "index out of range in self", "Padding_idx", "Target ", "Expected input batch_size",
         "Given normalized_shape", "Trying to create tensor with negative dimension",
         "nly Tensors of floating point dtype", "expected scalar type")
# Where heed says more than PyTorch does.
OWN_WORDS = ("repeat", "tril")
CASES = []


def case(op, *inputs, **args):
    tensors = [x.build(torch.float32 if x.kind == "f" else None) for x in inputs]
    try:
        OPS[op](*tensors, **args)
    except (RuntimeError, IndexError, ValueError, TypeError, AssertionError) as e:
        text = str(e).split("\n")[0]
    else:
        print("no error:", op, [x.shape for x in inputs], args)
        return
    if any(word in text for word in OPINIONS):
        text = None
    words = text is not None and op not in OWN_WORDS and text.lstrip("o").startswith(WORDS)
    CASES.append({"op": op, "in": [x.describe() for x in inputs], "args": args, "text": text,
                  "words": words})


def generate():
    CASES.clear()
    v = Values("errors")
    t, i, b = v.t, v.i, v.b
    ix = lambda *values: Input(list(values), [len(values)], "i")
    for op in ("add", "sub", "mul", "div", "pow", "maximum", "eq", "lt"):
        case(op, t(3, 4), t(3, 5))
        case(op, t(2, 3), t(2))
    case("logical_and", b(3), b(4))
    case("where", b(3), t(4), t(4))
    case("masked_fill", t(3, 4), b(3), value=1.0)
    case("masked_fill", t(3), i(3), value=1.0)
    case("clamp", t(3))
    for op in ("sum", "mean", "amax", "logsumexp", "var", "norm"):
        case(op, t(3, 4), dims=[2])
        case(op, t(3, 4), dims=[-3])
        case(op, t(3, 4), dims=[0, 0])
    for op in ("prod", "max", "min", "argmax", "all", "any", "cumsum", "softmax", "log_softmax"):
        case(op, t(3, 4), dim=2)
        case(op, t(3, 4), dim=-3)
    for op in ("max_all", "min_all", "amax", "argmax"):
        case(op, t(0))
    for op in ("max", "min", "argmax", "argmin"):
        case(op, t(0, 3), dim=0)
    case("amax", t(0, 3), dims=[0])
    case("mean", i(3))
    case("var", i(3))
    case("topk", t(3), k=4)
    case("topk", t(3), k=-1)
    case("topk", t(3), k=1, dim=1)
    case("sort", t(3, 4), dim=2)
    for a, c in (((3, 4), (3, 4)), ((2, 3, 4), (3, 5)), ((4,), (3,)), ((3, 4), (3,)), ((3,), (4, 3)),
                 ((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (3, 4, 5)), ((), (3,)), ((3, 4), ())):
        case("matmul", t(*a), t(*c))
    case("matmul", t(3, 4), i(4, 5))
    case("matmul", b(2, 2), b(2, 2))
    case("mm", t(3, 4), t(3, 4))
    case("mm", t(3), t(3, 4))
    case("mm", t(3, 4), t(2, 4, 5))
    case("bmm", t(2, 3, 4), t(3, 4, 5))
    case("bmm", t(2, 3, 4), t(2, 3, 5))
    case("bmm", t(3, 4), t(4, 5))
    case("mv", t(3, 4), t(3))
    case("mv", t(3), t(3))
    case("dot", t(3), t(4))
    case("dot", t(3, 1), t(3))
    case("outer", t(3, 1), t(3))
    case("addmm", t(4), t(3, 4), t(4, 5))
    case("addmm", t(5), t(3, 4), t(3, 5))
    case("baddbmm", t(2, 3, 4), t(2, 3, 4), t(2, 4, 5))
    case("linear", t(3, 4), t(5, 3))
    case("linear", t(2, 3, 4), t(5, 3))
    case("linear", t(3, 4), t(5, 4), t(4))
    case("einsum", t(3, 4), t(5, 6), equation="ij,jk->ik")
    case("einsum", t(3, 4), equation="ijk->i")
    case("einsum", t(3, 4), equation="ij->ik")
    case("einsum", t(3, 4), equation="ij,jk->ik")
    case("einsum", t(3, 4), equation="ii->i")
    case("einsum", t(3, 4), equation="i1->i")
    case("view", t(3, 4), sizes=[5, -1])
    case("view", t(3, 4), sizes=[-1, -1])
    case("view", t(4, 3, views=[["transpose", 0, 1]]), sizes=[12])
    case("view", t(3, 4), sizes=[5])
    case("reshape", t(3, 4), sizes=[5, -1])
    case("reshape", t(3, 4), sizes=[-1, -1])
    case("reshape", t(3, 4), sizes=[-2, 6])
    case("reshape", t(0, 3), sizes=[0, -1])
    case("flatten", t(3, 4), start_dim=1, end_dim=0)
    case("flatten", t(3, 4), start_dim=2)
    case("unflatten", t(3, 4), dim=1, sizes=[3, 2])
    case("transpose", t(3, 4), a=0, b=2)
    case("t", t(2, 3, 4))
    case("permute", t(3, 4), dims=[0])
    case("permute", t(3, 4), dims=[0, 0])
    case("permute", t(3, 4), dims=[0, 2])
    case("movedim", t(3, 4), source=0, destination=2)
    case("squeeze", t(3, 4), dim=2)
    case("unsqueeze", t(3, 4), dim=3)
    case("unsqueeze", t(3, 4), dim=-4)
    case("expand", t(3, 4), sizes=[3, 5])
    case("expand", t(3, 4), sizes=[4])
    case("expand", t(3, 4), sizes=[-1, 3, 4])
    case("broadcast_to", t(3), sizes=[4])
    case("repeat", t(3, 4), repeats=[2])
    case("repeat", t(3), repeats=[-1])
    case("narrow", t(3, 4), dim=1, start=3, length=2)
    case("narrow", t(3, 4), dim=1, start=0, length=-1)
    case("slice", t(3, 4), dim=0, start=0, end=3, step=0)
    case("select", t(3, 4), dim=0, index=3)
    case("select", t(3, 4), dim=1, index=-5)
    case("select", t(), dim=0, index=0)
    case("chunk", t(3), chunks=0)
    case("split", t(5), size=-1)
    case("split", t(5), size=[2, 2])
    case("split", t(5), size=[6, -1])
    case("cat")
    case("cat", t(2, 3), t(2, 4))
    case("cat", t(2, 3), t(3))
    case("cat", t(), t())
    case("stack", t(2), t(3))
    case("stack")
    case("flip", t(3), dims=[1])
    case("flip", t(3), dims=[0, 0])
    case("roll", t(3), shifts=[1], dims=[1])
    case("roll", t(3, 4), shifts=[1, 2], dims=[0])
    case("tril", t(3))
    case("diagonal", t(3))
    case("diagonal", t(3, 4), dim1=1, dim2=1)
    case("unfold", t(3), dim=0, size=4, step=1)
    case("unfold", t(3), dim=0, size=2, step=0)
    case("index", t(3, 4), what=[["int", 3]])
    case("index", t(3, 4), what=[["int", 0], ["int", 0], ["int", 0]])
    case("index", t(3, 4), ix(0, 3), what=[["tensor"]])
    case("index", t(3, 4), ix(0, -4), what=[["tensor"]])
    case("index", t(3, 4), ix(0, 1), ix(0, 1, 2), what=[["tensor"], ["tensor"]])
    case("index", t(3, 4), b(4), what=[["tensor"]])
    case("index", t(3, 4), t(2), what=[["tensor"]])
    case("index_select", t(3, 4), ix(3), dim=0)
    case("index_select", t(3, 4), i(2, 2), dim=0)
    case("index_select", t(3, 4), ix(0), dim=2)
    case("gather", t(3, 4), Input([4], [1, 1], "i"), dim=1)
    case("gather", t(3, 4), i(4, 1, high=3), dim=1)
    case("gather", t(3, 4), ix(0), dim=1)
    case("scatter_add", t(3, 4), Input([4], [1, 1], "i"), t(1, 1), dim=1)
    case("scatter_add", t(3, 4), i(2, 4, high=3), t(1, 4), dim=0)
    case("masked_select", t(3, 4), b(3))
    case("masked_select", t(3), i(3))
    case("one_hot", ix(3), num_classes=3)
    case("one_hot", ix(-1))
    case("one_hot", t(3))
    case("embedding", ix(4), t(4, 3))
    case("embedding", ix(-1), t(4, 3))
    case("embedding", t(2), t(4, 3))
    case("embedding", ix(0), t(4))
    case("layer_norm", t(2, 4), normalized_shape=[3])
    case("layer_norm", t(2, 4), t(3), normalized_shape=[4])
    case("layer_norm", t(2, 4), t(4), t(3), normalized_shape=[4])
    case("layer_norm", t(4), normalized_shape=[2, 2])
    case("dropout_eval", t(3), p=1.5)
    case("dropout_eval", t(3), p=-0.1)
    for op in ("mse_loss", "l1_loss", "smooth_l1_loss"):
        case(op, t(3, 4), t(3, 5))
    case("smooth_l1_loss", t(3), t(3), beta=-1.0)
    case("cross_entropy", t(2, 3), ix(0, 5))
    case("cross_entropy", t(2, 3), ix(0, -1))
    case("cross_entropy", t(2, 3), ix(0, 1, 2))
    case("cross_entropy", t(2, 3), t(2, 4, grad=False))
    case("cross_entropy", t(2, 3), ix(0, 1), t(2, grad=False))
    case("cross_entropy", t(2, 3), ix(0, 1), label_smoothing=1.5)
    case("nll_loss", t(2, 3), ix(0, 3))
    case("nll_loss", t(2, 3), ix(0, 1, 2))
    case("bce_with_logits", t(2, 3), t(2, 2, grad=False))
    for op in ("add_", "sub_", "mul_", "div_"):
        case(op, t(4), t(3, 4))
        case(op, i(4), t(4))
    case("copy_", t(3, 4), t(5))
    case("masked_fill_", t(3), b(4), value=0.0)
    case("scatter_add_", t(3, 4), Input([4], [1, 1], "i"), t(1, 1), dim=1)
    case("new_zeros", sizes=[2, -1])
    case("new_zeros", sizes=[2 ** 40, 2 ** 40])
    case("requires_grad", i(2))
    case("requires_grad", b(2))
    case("backward", t(2, 2, grad=True))
    case("backward", t(grad=False))
    case("backward_with", t(3, 4), t(2, grad=False))
    case("embedding", ix(0), t(4, 3), padding_idx=4)
    case("embedding", ix(0), t(4, 3), padding_idx=-5)
    case("index", t(2, 3, 4), b(2, 3), ix(0, 1), b(4), what=[["tensor"], ["tensor"], ["tensor"]])
    case("index", t(2, 3, 4), b(3, 3), what=[["tensor"]])
    case("index", t(4, 2, 3), b(3, 3), what=[["slice", None, None, None], ["tensor"]])
    for op in ("abs", "neg", "relu"):
        case(op, b(3))
    write("errors", {"cases": CASES})


if __name__ == "__main__":
    generate()
