"""Models that PyTorch does not have, written from their papers: a GPT of nanoGPT's shape and
configuration, rotary and sinusoidal positions."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class CausalAttention(nn.Module):
    def __init__(self, width, heads, bias, dropout):
        super().__init__()
        self.heads, self.p = heads, dropout
        self.c_attn = nn.Linear(width, 3 * width, bias=bias)
        self.c_proj = nn.Linear(width, width, bias=bias)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (s.view(b, t, self.heads, c // self.heads).transpose(1, 2)
                   for s in self.c_attn(x).split(c, dim=2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)
        unseen = torch.ones(t, t, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(unseen, -math.inf).softmax(-1)
        weights = F.dropout(weights, self.p, self.training)
        y = (weights @ v).transpose(1, 2).reshape(b, t, c)
        return F.dropout(self.c_proj(y), self.p, self.training)


class MLP(nn.Module):
    def __init__(self, width, bias, dropout, approximate):
        super().__init__()
        self.p, self.approximate = dropout, approximate
        self.c_fc = nn.Linear(width, 4 * width, bias=bias)
        self.c_proj = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x):
        x = F.gelu(self.c_fc(x), approximate=self.approximate)
        return F.dropout(self.c_proj(x), self.p, self.training)


class Norm(nn.Module):
    """LayerNorm whose bias may be left out."""

    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Block(nn.Module):
    def __init__(self, width, heads, bias, dropout, approximate):
        super().__init__()
        self.ln_1 = Norm(width, bias)
        self.attn = CausalAttention(width, heads, bias, dropout)
        self.ln_2 = Norm(width, bias)
        self.mlp = MLP(width, bias, dropout, approximate)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Radford et al. 2019 with nanoGPT's names and initialisation: normal(0, 0.02) for weights,
    0 for biases, and 0.02 / sqrt(2 layers) for the projections that end on the residual stream.
    The output layer shares the token embedding's weight."""

    def __init__(self, vocab_size, block_size, n_layer, n_head, n_embd, bias=True, dropout=0.0,
                 approximate="none"):
        super().__init__()
        self.p = dropout
        self.transformer = nn.ModuleDict(dict(
            wte=nn.Embedding(vocab_size, n_embd),
            wpe=nn.Embedding(block_size, n_embd),
            h=nn.ModuleList(Block(n_embd, n_head, bias, dropout, approximate)
                            for _ in range(n_layer)),
            ln_f=Norm(n_embd, bias)))
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
        self.apply(self.initialise)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, 0.0, 0.02 / math.sqrt(2 * n_layer))

    @staticmethod
    def initialise(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)

    def forward(self, tokens):
        positions = torch.arange(tokens.shape[1])
        x = self.transformer.wte(tokens) + self.transformer.wpe(positions)
        x = F.dropout(x, self.p, self.training)
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x))


def sinusoidal(length, width):
    """Vaswani et al. 2017: sines in even columns, cosines in odd ones."""
    angle = torch.arange(length, dtype=torch.float64)[:, None] / 10000 ** (
        torch.arange(0, width, 2, dtype=torch.float64) / width)
    table = torch.zeros(length, width, dtype=torch.float64)
    table[:, 0::2], table[:, 1::2] = angle.sin(), angle.cos()[:, :width // 2]
    return table


def rotary(x, interleaved, base=10000.0, offset=0):
    """Su et al. 2021 on x (..., T, D): pairs (2i, 2i + 1), or (i, i + D/2), turn by
    position / base^(2i / D)."""
    t, d = x.shape[-2:]
    position = torch.arange(offset, offset + t, dtype=torch.float64)[:, None]
    angle = position / base ** (torch.arange(0, d, 2, dtype=torch.float64) / d)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)
    a, b = x[..., :d // 2], x[..., d // 2:]
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)
