"""Modules of torch.nn, and the models of models.py: outputs and gradients with seeded and with
loaded weights.

A seeded case: torch.manual_seed(seed), then the module is made; PyTorch's float32 weights are
widened and everything is computed in float64. A loaded case carries its weights."""

import torch
from torch import nn

import models
from recording import Input, Values, grad_output, write
from recording import numbers as exact_numbers

ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softmax", "Identity")
CASES = []


def numbers(t):
    """13 digits: modules are held to 1e-10."""
    return [float(f"{x:.13g}") if isinstance(x, float) else x for x in exact_numbers(t)]


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


def case(name, options, inputs, call=None, seed=None, train=True, forward_seed=None, values=None):
    """`inputs`: positional tensors; `call`: keyword tensors and flags of forward."""
    call = call or {}
    if seed is not None:
        torch.manual_seed(seed)
    module = make(name, options).double()
    record = {"module": name, "options": options, "in": [x.describe() for x in inputs],
              "train": train}
    if seed is None:
        record["state"] = {}
        with torch.no_grad():
            for key, p in module.state_dict().items():
                p.copy_(torch.tensor(values.draw(p.shape, -1.0, 1.0)).reshape(p.shape))
                record["state"][key] = {"s": list(p.shape), "v": numbers(p)}
    else:
        record["seed"] = seed
    module.train(train)
    tensors = [x.build() for x in inputs]
    kwargs = {k: x.build() if isinstance(x, Input) else x for k, x in call.items()}
    record["call"] = {k: x.describe() if isinstance(x, Input) else x for k, x in call.items()}
    if forward_seed is not None:
        record["forward_seed"] = forward_seed
        torch.manual_seed(forward_seed)
    out = module(*tensors, **kwargs)
    outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
    record["out"] = [{"s": list(o.shape), "v": numbers(o)} for o in outs]
    ways = [o for o in outs if o.requires_grad]
    if ways:
        torch.autograd.backward(ways, [grad_output(o.shape) for o in ways])
    record["grads"] = [numbers(t.grad) for t, x in zip(tensors, inputs) if x.grad]
    record["param_grads"] = {k: numbers(p.grad) for k, p in module.named_parameters()
                             if p.grad is not None}
    CASES.append(record)


def simple():
    v = Values("simple modules")
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
        case("Sequential", {}, [v.t(4, 3)], seed=4, train=train)
    case("Sequential", {}, [v.t(4, 3)], values=v)


def attention():
    v = Values("attention modules")
    x = lambda *s: v.t(*s)
    base = dict(embed_dim=8, num_heads=2)
    mask = lambda *s: Input([(7 * i) % 5 == 1 for i in range(torch.Size(s).numel())], s, "b")
    keys = Input([False, False, True, False, False, False], [2, 3], "b")

    def self_attention(options, shape, call=None, **how):
        t = v.t(*shape)
        case("MultiheadAttention", options, [t, v.t(*shape), v.t(*shape)], call, **how)

    for how in (dict(seed=5), dict(values=v)):
        for options in (dict(), dict(bias=False), dict(batch_first=True)):
            self_attention({**base, **options}, (3, 2, 8), **how)
    first = {**base, "batch_first": True}
    self_attention(base, (3, 8), seed=5)
    self_attention(first, (2, 3, 8), dict(need_weights=False), seed=5)
    self_attention(first, (2, 3, 8), dict(average_attn_weights=False), seed=5)
    self_attention(first, (2, 3, 8), dict(attn_mask=mask(3, 3)), seed=5)
    self_attention(first, (2, 3, 8), dict(attn_mask=v.t(3, 3, grad=False)), seed=5)
    self_attention(first, (2, 3, 8), dict(attn_mask=mask(4, 3, 3)), seed=5)
    self_attention(first, (2, 3, 8), dict(key_padding_mask=keys), seed=5)
    self_attention(first, (2, 3, 8), dict(key_padding_mask=keys, attn_mask=mask(3, 3),
                                          need_weights=False), seed=5, train=False)
    for options in (dict(kdim=5), dict(vdim=6), dict(kdim=5, vdim=6, bias=False)):
        for how in (dict(seed=6), dict(values=v)):
            k, w = options.get("kdim", 8), options.get("vdim", 8)
            case("MultiheadAttention", {**first, **options}, [x(2, 3, 8), x(2, 4, k), x(2, 4, w)],
                 **how)
    case("MultiheadAttention", dict(embed_dim=6, num_heads=1, dropout=0.5), [
        x(3, 2, 6), x(4, 2, 6), x(4, 2, 6)], seed=6, train=False)
    case("MultiheadAttention", dict(embed_dim=6, num_heads=3, dropout=0.5), [
        x(3, 2, 6), x(4, 2, 6), x(4, 2, 6)], seed=6, forward_seed=7)


def transformer():
    v = Values("transformer modules")
    base = dict(d_model=8, nhead=2, dim_feedforward=12, dropout=0.0, batch_first=True)
    causal = Input([j > i for i in range(3) for j in range(3)], [3, 3], "b")
    keys = Input([False, False, True, False, False, False], [2, 3], "b")
    for norm_first in (False, True):
        for activation in ("relu", "gelu"):
            options = {**base, "norm_first": norm_first, "activation": activation}
            for how in (dict(seed=7), dict(seed=7, train=False), dict(values=v)):
                case("TransformerEncoderLayer", options, [v.t(2, 3, 8)], **how)
                case("TransformerDecoderLayer", options, [v.t(2, 3, 8), v.t(2, 4, 8)], **how)
        options = {**base, "norm_first": norm_first}
        case("TransformerEncoderLayer", options, [v.t(2, 3, 8)], dict(
            src_mask=causal, src_key_padding_mask=keys), seed=7)
        case("TransformerDecoderLayer", options, [v.t(2, 3, 8), v.t(2, 3, 8)], dict(
            tgt_mask=causal, memory_mask=causal, tgt_key_padding_mask=keys,
            memory_key_padding_mask=keys), seed=7)
        dropped = {**options, "dropout": 0.25}
        case("TransformerEncoderLayer", dropped, [v.t(2, 3, 8)], seed=7, train=False)
        case("TransformerEncoderLayer", dropped, [v.t(2, 3, 8)], seed=7, forward_seed=9)
        case("TransformerDecoderLayer", dropped, [v.t(2, 3, 8), v.t(2, 4, 8)], seed=7,
             forward_seed=9)
        for final in (True, False):
            encoder = {**options, "num_layers": 2, "final_norm": final}
            case("TransformerEncoder", encoder, [v.t(2, 3, 8)], seed=8)
            case("TransformerEncoder", encoder, [v.t(2, 3, 8)], dict(
                mask=causal, src_key_padding_mask=keys), seed=8, train=False)
    case("TransformerEncoderLayer", {**base, "batch_first": False, "layer_norm_eps": 1e-3},
         [v.t(3, 2, 8)], seed=7)


def gpt():
    v = Values("gpt")
    base = dict(vocab_size=11, block_size=6, n_layer=2, n_head=2, n_embd=8)
    tokens = Input([1, 5, 10, 0, 3, 3, 2, 7], [2, 4], "i")
    for options in (dict(), dict(bias=False), dict(approximate="tanh")):
        case("GPT", {**base, **options}, [tokens], seed=10)
        case("GPT", {**base, **options}, [tokens], seed=10, train=False)
    case("GPT", base, [tokens], values=v)
    case("GPT", {**base, "bias": False}, [tokens], values=v)


def positions():
    v = Values("positions")
    tables = [{"length": n, "width": w, "v": numbers(models.sinusoidal(n, w))}
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
