"""Modules of torch.nn, and the models of models.py: outputs and gradients with seeded and with
loaded weights.

A seeded case: torch.manual_seed(seed), then the module is made; PyTorch's float32 weights are
widened and everything is computed in float64. A loaded case carries its weights. Modules are as
small as they can be and still have several of everything: the file is mostly gradients of weights.
A case without "train" holds for train() and for eval(), which is checked here."""

import math

import numpy as np
import torch
from torch import nn

import models
from recording import Input, Values, grad_output, write
from recording import numbers as exact_numbers

ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softmax", "Identity")
CASES = []


class Eighths(Values):
    """Inputs and weights of a few characters each."""

    def draw(self, shape, low=-3.0, high=3.0, distinct=False):
        n = int(np.prod(shape)) if len(shape) else 1
        return (np.round(self.rng.uniform(low, high, n) * 8) / 8).tolist()


def numbers(t):
    """To 5e-12 of the largest, or of 1: modules are held to 1e-10 of that."""
    values = exact_numbers(t)
    largest = max([1.0] + [abs(x) for x in values if isinstance(x, float) and math.isfinite(x)])
    digits = 11 - math.floor(math.log10(largest))
    return [round(x, digits) if isinstance(x, float) else x for x in values]


def make(name, options):
    options = dict(options)
    if name == "GPT":
        return models.GPT(**options)
    if name in ("TransformerEncoder", "TransformerDecoder"):
        layers, final = options.pop("num_layers"), options.pop("final_norm")
        kind = getattr(nn, name + "Layer")
        norm = nn.LayerNorm(options["d_model"]) if final else None
        return getattr(nn, name)(kind(**options), layers, norm)
    if name == "Sequential":
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    return getattr(nn, name)(**options)


def run(module, inputs, call, train, forward_seed):
    """Outputs, gradients of the inputs and gradients of the parameters."""
    module.train(train)
    module.zero_grad()
    tensors = [x.build() for x in inputs]
    kwargs = {k: x.build() if isinstance(x, Input) else x for k, x in call.items()}
    if forward_seed is not None:
        torch.manual_seed(forward_seed)
    out = module(*tensors, **kwargs)
    outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
    ways = [o for o in outs if o.requires_grad]
    if ways:
        torch.autograd.backward(ways, [grad_output(o.shape) for o in ways])
    return (outs, [t.grad for t, x in zip(tensors, inputs) if x.grad],
            {k: p.grad.clone() for k, p in module.named_parameters() if p.grad is not None})


def same(a, b):
    flat = lambda r: r[0] + r[1] + list(r[2].values())
    return all(torch.allclose(x, y, rtol=1e-13, atol=1e-13) for x, y in zip(flat(a), flat(b)))


def case(name, options, inputs, call=None, seed=None, train=None, forward_seed=None, values=None):
    """`inputs`: positional tensors; `call`: keyword tensors and flags of forward; `train` None:
    both modes."""
    call = call or {}
    if seed is not None:
        torch.manual_seed(seed)
    module = make(name, options).double()
    record = {"module": name, "options": options, "in": [x.describe() for x in inputs]}
    if seed is None:
        record["state"] = {}
        with torch.no_grad():
            for key, p in module.state_dict().items():
                p.copy_(torch.tensor(values.draw(p.shape, -1.0, 1.0)).reshape(p.shape))
                record["state"][key] = {"s": list(p.shape), "v": numbers(p)}
    else:
        record["seed"] = seed
    if train is not None:
        record["train"] = train
    if forward_seed is not None:
        record["forward_seed"] = forward_seed
    record["call"] = {k: x.describe() if isinstance(x, Input) else x for k, x in call.items()}
    outs, grads, param_grads = result = run(module, inputs, call, train is not False, forward_seed)
    if train is None:
        assert same(result, run(module, inputs, call, False, None)), name
    record["out"] = [{"s": list(o.shape), "v": numbers(o)} for o in outs]
    record["grads"] = [numbers(g) for g in grads]
    record["param_grads"] = {k: numbers(g) for k, g in param_grads.items()}
    CASES.append(record)


def simple():
    v = Eighths("simple modules")
    for bias in (True, False):
        for shape in ([4], [3, 4], [2, 3, 4]):
            case("Linear", dict(in_features=4, out_features=3, bias=bias), [v.t(*shape)], seed=1)
        case("Linear", dict(in_features=4, out_features=3, bias=bias), [v.t(2, 4)], values=v)
    for options in (dict(), dict(padding_idx=1), dict(padding_idx=-1)):
        options = dict(num_embeddings=5, embedding_dim=3, **options)
        ids = Input([0, 1, 4, 1, 2, 0], [2, 3], "i")
        case("Embedding", options, [ids], seed=2)
        case("Embedding", options, [ids], values=v)
    for options in (dict(normalized_shape=[4]), dict(normalized_shape=[3, 4], eps=1e-3),
                    dict(normalized_shape=[4], elementwise_affine=False)):
        case("LayerNorm", options, [v.t(2, 3, 4)], seed=3)
        case("LayerNorm", options, [v.t(2, 3, 4)], values=v)
    for name in ACTIVATIONS:
        case(name, dict(dim=-1) if name == "Softmax" else {}, [v.t(3, 4)], seed=1)
    case("GELU", dict(approximate="tanh"), [v.t(3, 4)], seed=1)
    for train in (True, False):
        case("Dropout", dict(p=0.3), [v.t(4, 5)], seed=1, train=train, forward_seed=8)
    case("Sequential", {}, [v.t(4, 3)], seed=4)
    case("Sequential", {}, [v.t(4, 3)], values=v)


def attention():
    v = Eighths("attention modules")
    x = lambda *s: v.t(*s)
    base = dict(embed_dim=4, num_heads=2)
    mask = lambda *s: Input([(7 * i) % 5 == 1 for i in range(torch.Size(s).numel())], s, "b")
    keys = Input([False, False, True, False, False, False], [2, 3], "b")

    def self_attention(options, shape, call=None, **how):
        t = v.t(*shape)
        case("MultiheadAttention", options, [t, v.t(*shape), v.t(*shape)], call, **how)

    for how in (dict(seed=5), dict(values=v)):
        for options in (dict(), dict(bias=False), dict(batch_first=True)):
            self_attention({**base, **options}, (3, 2, 4), **how)
    first = {**base, "batch_first": True}
    self_attention(base, (3, 4), seed=5)
    self_attention(first, (2, 3, 4), dict(need_weights=False), seed=5)
    self_attention(first, (2, 3, 4), dict(average_attn_weights=False), seed=5)
    self_attention(first, (2, 3, 4), dict(attn_mask=mask(3, 3)), seed=5)
    self_attention(first, (2, 3, 4), dict(attn_mask=v.t(3, 3, grad=False)), seed=5)
    self_attention(first, (2, 3, 4), dict(attn_mask=mask(4, 3, 3)), seed=5)
    self_attention(first, (2, 3, 4), dict(key_padding_mask=keys), seed=5)
    self_attention(first, (2, 3, 4), dict(key_padding_mask=keys, attn_mask=mask(3, 3),
                                          need_weights=False), seed=5)
    for options in (dict(kdim=3), dict(vdim=5), dict(kdim=3, vdim=5, bias=False)):
        for how in (dict(seed=6), dict(values=v)):
            k, w = options.get("kdim", 4), options.get("vdim", 4)
            case("MultiheadAttention", {**first, **options}, [x(2, 3, 4), x(2, 2, k), x(2, 2, w)],
                 **how)
    case("MultiheadAttention", dict(embed_dim=3, num_heads=1, dropout=0.5), [
        x(3, 2, 3), x(4, 2, 3), x(4, 2, 3)], seed=6, train=False)
    case("MultiheadAttention", dict(embed_dim=6, num_heads=3, dropout=0.5), [
        x(3, 2, 6), x(4, 2, 6), x(4, 2, 6)], seed=6, train=True, forward_seed=7)

    # Keys and values behind the sequence's own, where no mask reaches.
    added = ({"add_bias_kv": True}, {"add_zero_attn": True},
             {"add_bias_kv": True, "add_zero_attn": True})
    for options in added:
        for how in (dict(seed=9), dict(values=v)):
            self_attention({**first, **options}, (2, 3, 4), **how)
        self_attention({**first, **options}, (2, 3, 4), dict(
            attn_mask=mask(3, 3), key_padding_mask=keys, average_attn_weights=False), seed=9)
        self_attention({**base, **options, "bias": False}, (3, 2, 4), dict(
            attn_mask=mask(4, 3, 3), need_weights=False), seed=9)
    case("MultiheadAttention", {**first, **added[2], "kdim": 3, "vdim": 5},
         [x(2, 3, 4), x(2, 2, 3), x(2, 2, 5)], seed=9)
    self_attention({**base, **added[2]}, (3, 4), dict(attn_mask=v.t(3, 3, grad=False)), seed=9)


def transformer():
    v = Eighths("transformer modules")
    base = dict(d_model=4, nhead=2, dim_feedforward=5, dropout=0.0, batch_first=True)
    causal = Input([j > i for i in range(3) for j in range(3)], [3, 3], "b")
    keys = Input([False, False, True, False, False, False], [2, 3], "b")
    memory_keys = Input([False, True, False, False], [2, 2], "b")
    src = lambda: v.t(2, 3, 4)
    memory = lambda: v.t(2, 2, 4)
    for norm_first in (False, True):
        options = {**base, "norm_first": norm_first}
        for activation, how in (("relu", dict(seed=7)), ("gelu", dict(values=v))):
            chosen = {**options, "activation": activation}
            case("TransformerEncoderLayer", chosen, [src()], **how)
            case("TransformerDecoderLayer", chosen, [src(), memory()], **how)
        case("TransformerEncoderLayer", options, [src()], dict(
            src_mask=causal, src_key_padding_mask=keys), seed=7)
        masks = dict(tgt_mask=causal, memory_mask=Input([0, 0, 0, 1, 0, 0], [3, 2], "b"),
                     tgt_key_padding_mask=keys, memory_key_padding_mask=memory_keys)
        case("TransformerDecoderLayer", options, [src(), memory()], masks, seed=7)
        dropped = {**options, "dropout": 0.25}
        case("TransformerEncoderLayer", dropped, [src()], seed=7, train=False)
        case("TransformerEncoderLayer", dropped, [src()], seed=7, train=True, forward_seed=9)
        case("TransformerDecoderLayer", dropped, [src(), memory()], seed=7, train=False)
        case("TransformerDecoderLayer", dropped, [src(), memory()], seed=7, train=True,
             forward_seed=9)
        for final in (True, False):
            stack = {**options, "num_layers": 2, "final_norm": final}
            case("TransformerEncoder", stack, [src()], dict(
                mask=causal, src_key_padding_mask=keys) if final else {}, seed=8)
            case("TransformerDecoder", stack, [src(), memory()], masks if final else {}, seed=8)
    case("TransformerEncoder", {**base, "num_layers": 2, "final_norm": True}, [src()], values=v)
    case("TransformerDecoder", {**base, "num_layers": 2, "final_norm": True}, [src(), memory()],
         values=v)
    case("TransformerEncoderLayer", {**base, "batch_first": False, "layer_norm_eps": 1e-3},
         [v.t(3, 2, 4)], seed=7)


def gpt():
    v = Eighths("gpt")
    base = dict(vocab_size=7, block_size=5, n_layer=2, n_head=2, n_embd=4)
    tokens = Input([1, 5, 6, 0, 3, 3, 2, 4], [2, 4], "i")
    for options in (dict(), dict(bias=False, n_layer=1), dict(approximate="tanh", n_layer=1)):
        case("GPT", {**base, **options}, [tokens], seed=10)
    case("GPT", base, [tokens], values=v)
    case("GPT", {**base, "bias": False, "n_layer": 1}, [tokens], values=v)


def positions():
    v = Eighths("positions")
    tables = [{"length": n, "width": w, "v": exact_numbers(models.sinusoidal(n, w))}
              for n, w in ((5, 8), (3, 2), (7, 6))]
    turns = []
    for interleaved in (True, False):
        for shape, offset in (((5, 4), 0), ((2, 3, 8), 0), ((1, 2, 4, 6), 3)):
            x = v.t(*shape)
            t = x.build()
            y = models.rotary(t, interleaved, offset=offset)
            y.backward(grad_output(y.shape))
            turns.append({"interleaved": interleaved, "offset": offset, "in": [x.describe()],
                          "out": numbers(y), "grad": numbers(t.grad)})
    return tables, turns


def generate():
    CASES.clear()
    simple()
    attention()
    transformer()
    gpt()
    tables, turns = positions()
    write("modules", {"cases": CASES, "sinusoidal": tables, "rotary": turns})
    print(len(CASES), "modules")


if __name__ == "__main__":
    generate()
