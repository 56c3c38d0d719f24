"""Products of matrices and vectors."""

import torch
import torch.nn.functional as F

from recording import Family, Input, Values

OPS = {
    "matmul": torch.matmul, "mm": torch.mm, "bmm": torch.bmm, "mv": torch.mv, "dot": torch.dot,
    "outer": torch.outer,
    "addmm": lambda c, a, b, beta=1, alpha=1: torch.addmm(c, a, b, beta=beta, alpha=alpha),
    "baddbmm": lambda c, a, b, beta=1, alpha=1: torch.baddbmm(c, a, b, beta=beta, alpha=alpha),
    "linear": lambda x, w, b=None: F.linear(x, w, b),
    "einsum": lambda *t, equation: torch.einsum(equation, *t),
}
T01 = [["transpose", -2, -1]]
MATMUL = [((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 5)), ((3, 4), (4, 5)), ((2, 3, 4), (4,)),
          ((4,), (2, 4, 5)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 3, 4), (2, 4, 5)),
          ((1, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (1, 2, 4, 2)), ((2, 2, 3, 4), (2, 4, 2)),
          ((2, 3, 4), (2, 2, 4, 2)), ((2, 2, 3, 4), (4, 2)), ((2, 2, 3, 4), (4,)),
          ((4,), (2, 2, 4, 3)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 3), (3, 2)),
          ((3, 2), (2, 0)), ((0,), (0,)), ((0, 2, 3), (0, 3, 2)), ((1, 9), (9, 1)),
          ((7, 17), (17, 5)), ((19, 3), (3, 33))]


def matmul(f):
    v = Values("matmul")
    case = lambda *x: f.case("matmul", list(x), torch.matmul)
    for a, b in MATMUL:
        case(v.t(*a), v.t(*b))
    case(v.t(4, 3, views=T01), v.t(4, 5))
    case(v.t(3, 4), v.t(5, 4, views=T01))
    case(v.t(4, 3, views=T01), v.t(5, 4, views=T01))
    case(v.t(2, 4, 3, views=T01), v.t(2, 5, 4, views=T01))
    case(v.t(3, 2, 4, views=[["transpose", 0, 1]]), v.t(2, 4, 5))
    case(v.t(3, 9, views=[["slice", 1, 1, 9, 2]]), v.t(4, 9, views=[["slice", 1, 0, 9, 2]]))
    case(v.t(1, 4, views=[["expand", [3, 4]]]), v.t(4, 1, views=[["expand", [4, 5]]]))
    case(v.t(3, 4, views=[["expand", [2, 3, 4]]]), v.t(2, 4, 2))
    case(v.t(3, 4, grad=False), v.t(4, 2))
    case(v.t(3, 4), v.t(4, 2, grad=False))
    inf = Input([1.0, float("inf"), 0.0, float("nan")], [2, 2])
    f.case("matmul", [inf, Input([0.0, 1.0, 1.0, 0.0], [2, 2])])


def others(f):
    v = Values("linalg")
    case = lambda op, *x, **a: f.case(op, list(x), OPS[op], **a)
    case("mm", v.t(3, 4), v.t(4, 5))
    case("mm", v.t(4, 3, views=T01), v.t(5, 4, views=T01))
    case("mm", v.t(2, 0), v.t(0, 3))
    case("bmm", v.t(2, 3, 4), v.t(2, 4, 5))
    case("bmm", v.t(2, 4, 3, views=T01), v.t(2, 4, 5))
    case("bmm", v.t(1, 3, 4, views=[["expand", [2, 3, 4]]]), v.t(2, 4, 5))
    case("bmm", v.t(2, 3, 0), v.t(2, 0, 2))
    case("mv", v.t(3, 4), v.t(4))
    case("mv", v.t(4, 3, views=T01), v.t(8, views=[["slice", 0, 0, 8, 2]]))
    case("dot", v.t(5), v.t(5))
    case("dot", v.t(1, views=[["expand", [5]]]), v.t(10, views=[["slice", 0, 1, 10, 2]]))
    case("dot", v.t(0), v.t(0))
    case("dot", v.t(37), v.t(37))
    case("outer", v.t(3), v.t(4))
    case("outer", v.t(0), v.t(4))
    for c in ((3, 5), (5,), (3, 1), (1, 5), ()):
        case("addmm", v.t(*c), v.t(3, 4), v.t(4, 5))
    signed = lambda op: (lambda c, a, b, beta=1, alpha=1: OPS[op](
        c, a, b, beta=abs(beta), alpha=abs(alpha)))
    for op, c, a, b in (("addmm", (3, 5), (3, 4), (4, 5)), ("baddbmm", (2, 3, 5), (2, 3, 4),
                                                           (2, 4, 5))):
        f.case(op, [v.t(*c), v.t(*a), v.t(*b)], signed(op), beta=0.5, alpha=-2.0)
        f.case(op, [v.t(*c), v.t(*a), v.t(*b)], signed(op), beta=0.0, alpha=1.0)
    case("baddbmm", v.t(3, 5), v.t(2, 3, 4), v.t(2, 4, 5))
    case("baddbmm", v.t(2, 1, 5), v.t(2, 4, 3, views=T01), v.t(2, 4, 5))
    for x in ((4,), (3, 4), (2, 3, 4), (2, 1, 3, 4), (0, 4)):
        case("linear", v.t(*x), v.t(5, 4))
        case("linear", v.t(*x), v.t(5, 4), v.t(5))
    case("linear", v.t(3, 2, 4, views=[["transpose", 0, 1]]), v.t(5, 4), v.t(5))
    case("linear", v.t(3, 4), v.t(4, 5, views=T01), v.t(5))
    case("linear", v.t(2, 3, 4), v.t(5, 4, grad=False), v.t(5))
    E = [("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk", (3, 4), (4, 5)), ("bij,bjk->bik", (2, 3, 4),
         (2, 4, 5)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("bhqk,bhkd->bhqd",
         (2, 2, 3, 5), (2, 2, 5, 4)), ("bthd,bshd->bhts", (2, 3, 2, 4), (2, 5, 2, 4)),
         ("bhts,bshd->bthd", (2, 2, 3, 5), (2, 5, 2, 4)), ("i,i->", (4,), (4,)),
         ("i,j->ij", (3,), (4,)), ("ij->ji", (3, 4)), ("ij->", (3, 4)), ("ij->j", (3, 4)),
         ("ii->i", (3, 3)), ("ii->", (3, 3)), ("ij,j->i", (3, 4), (4,)), ("ij,ij->ij", (3, 4),
         (3, 4)), ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)), ("ij,jk,kl->il", (2, 3), (3, 4),
         (4, 2)), ("bij,kj->bik", (2, 3, 4), (5, 4))]
    for equation, *shapes in E:
        case("einsum", *[v.t(*s) for s in shapes], equation=equation)


def of_whole_numbers(f):
    v = Values("whole numbers")
    f.case("matmul", [v.i(3, 4), v.i(4, 2)])
    f.case("matmul", [v.i(2, 3, 4), v.i(4)])
    f.case("mm", [v.i(3, 4), v.i(2, 4, views=T01)])
    f.case("bmm", [v.i(2, 3, 4), v.i(2, 4, 1)])
    f.case("mv", [v.i(3, 4), v.i(4)])
    f.case("dot", [v.i(5), v.i(5)])
    f.case("outer", [v.i(3), v.i(2)])
    f.case("einsum", [v.i(3, 4), v.i(4, 2)], equation="ij,jk->ki")


def generate():
    f = Family("linalg", OPS)
    matmul(f)
    others(f)
    of_whole_numbers(f)
    f.write()


if __name__ == "__main__":
    generate()
