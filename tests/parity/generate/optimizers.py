"""Trajectories of optimizers over 100 steps on a small net in float64, and sequences of learning
rates of schedulers."""

import math

import torch

from recording import Values, number, numbers, write

STEPS = 100


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms"
    (arXiv:2302.06675): the sign of an interpolation between momentum and gradient."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                momentum = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                update = (beta1 * momentum + (1 - beta1) * p.grad).sign()
                p.copy_(p - group["lr"] * (update + group["weight_decay"] * p))
                momentum.copy_(beta2 * momentum + (1 - beta2) * p.grad)


OPTIMIZERS = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW,
              "RMSprop": torch.optim.RMSprop, "Adagrad": torch.optim.Adagrad, "Lion": Lion}
RUNS = [
    ("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9)),
    ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.5)),
    ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True)), ("SGD", dict(lr=0.1, weight_decay=0.1)),
    ("SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True)),
    ("SGD", dict(lr=0.01, maximize=True)),
    ("SGD", dict(lr=0.01, momentum=0.5, weight_decay=0.1, maximize=True)),
    ("Adam", dict()), ("Adam", dict(lr=0.05)), ("Adam", dict(lr=0.05, betas=[0.5, 0.9])),
    ("Adam", dict(lr=0.05, eps=0.1)), ("Adam", dict(lr=0.05, weight_decay=0.1)),
    ("Adam", dict(lr=0.05, amsgrad=True)),
    ("Adam", dict(lr=0.05, weight_decay=0.1, amsgrad=True, betas=[0.8, 0.9])),
    ("Adam", dict(lr=0.01, maximize=True)),
    ("AdamW", dict()), ("AdamW", dict(lr=0.05)), ("AdamW", dict(lr=0.05, weight_decay=0.0)),
    ("AdamW", dict(lr=0.05, weight_decay=0.5)), ("AdamW", dict(lr=0.05, betas=[0.5, 0.9], eps=0.1)),
    ("AdamW", dict(lr=0.05, amsgrad=True)), ("AdamW", dict(lr=0.01, maximize=True)),
    ("RMSprop", dict()), ("RMSprop", dict(lr=0.02, alpha=0.5)), ("RMSprop", dict(lr=0.02, eps=0.1)),
    ("RMSprop", dict(lr=0.02, momentum=0.9)), ("RMSprop", dict(lr=0.02, centered=True)),
    ("RMSprop", dict(lr=0.02, weight_decay=0.1)),
    ("RMSprop", dict(lr=0.01, momentum=0.5, centered=True, weight_decay=0.1, alpha=0.9)),
    ("RMSprop", dict(lr=0.001, maximize=True)),
    ("Adagrad", dict()), ("Adagrad", dict(lr=0.2)), ("Adagrad", dict(lr=0.2, lr_decay=0.1)),
    ("Adagrad", dict(lr=0.2, weight_decay=0.1)),
    ("Adagrad", dict(lr=0.2, initial_accumulator_value=0.5)), ("Adagrad", dict(lr=0.2, eps=0.1)),
    ("Adagrad", dict(lr=0.01, maximize=True)),
    ("Lion", dict()), ("Lion", dict(lr=0.01)), ("Lion", dict(lr=0.01, betas=[0.5, 0.9])),
    ("Lion", dict(lr=0.01, weight_decay=0.3)),
]
# Options a group, of the parameters [weight, bias, weight, bias] two by two.
GROUPS = [
    ("SGD", dict(lr=0.1, momentum=0.9), [dict(lr=0.05), dict(weight_decay=0.1, momentum=0.0)]),
    ("Adam", dict(lr=0.05), [dict(), dict(lr=0.01, betas=[0.5, 0.9], amsgrad=True)]),
    ("AdamW", dict(lr=0.05), [dict(weight_decay=0.2), dict(weight_decay=0.0)]),
    ("RMSprop", dict(lr=0.02), [dict(centered=True), dict(momentum=0.9)]),
    ("Adagrad", dict(lr=0.2), [dict(), dict(lr_decay=0.1)]),
    ("Lion", dict(lr=0.01), [dict(weight_decay=0.3), dict(lr=0.02)]),
]


def problem():
    """tanh net 3 -> 4 -> 2 on five rows, mean squared error."""
    v = Values("optimizer problem")
    make = lambda *s: v.t(*s, low=-1.0, high=1.0)
    x, y = make(5, 3), make(5, 2)
    start = [make(4, 3), make(4), make(2, 4), make(2)]
    return x, y, start


def options_of(options):
    return {k: tuple(a) if isinstance(a, list) else a for k, a in options.items()}


def run(name, options, groups=None):
    x, y, start = problem()
    x, y = x.build().detach(), y.build().detach()
    p = [s.build() for s in start]
    params = p if groups is None else [
        dict(params=p[2 * i:2 * i + 2], **options_of(g)) for i, g in enumerate(groups)]
    optimizer = OPTIMIZERS[name](params, **options_of(options))
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        out = torch.tanh(x @ p[0].t() + p[1]) @ p[2].t() + p[3]
        loss = (out - y).square().mean()
        loss.backward()
        losses.append(number(loss.item()))
        optimizer.step()
    record = {"optimizer": name, "options": options, "loss": losses,
              "end": [numbers(t) for t in p]}
    if groups is not None:
        record["groups"] = groups
    return record


def lambda_lr(step):
    return 0.95 ** step


def warmup_cosine(step, warmup, total, floor):
    """Linear from 0 over `warmup` steps, then half a cosine from 1 to `floor`."""
    if step < warmup:
        return step / warmup
    t = min(1.0, (step - warmup) / (total - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * t))


S = torch.optim.lr_scheduler
SCHEDULES = [
    ("StepLR", dict(step_size=4, gamma=0.5)), ("StepLR", dict(step_size=7)),
    ("MultiStepLR", dict(milestones=[3, 8, 8, 20], gamma=0.3)),
    ("ExponentialLR", dict(gamma=0.9)), ("CosineAnnealingLR", dict(T_max=10)),
    ("CosineAnnealingLR", dict(T_max=25, eta_min=0.01)),
    ("LinearLR", dict()), ("LinearLR", dict(start_factor=0.1, end_factor=0.5, total_iters=12)),
    ("OneCycleLR", dict(max_lr=0.3, total_steps=30)),
    ("OneCycleLR", dict(max_lr=0.3, total_steps=30, pct_start=0.5, anneal_strategy="linear",
                        div_factor=10.0, final_div_factor=100.0)),
    ("OneCycleLR", dict(max_lr=0.3, total_steps=30, three_phase=True, base_momentum=0.8,
                        max_momentum=0.9)),
    ("OneCycleLR", dict(max_lr=0.3, total_steps=30, cycle_momentum=False)),
    ("LambdaLR", dict()),
    ("WarmupCosine", dict(warmup=5, total=25, floor=0.1)),
]


def schedule(name, options, steps=30):
    """The learning rates of two groups (and the first's momentum) before each step."""
    p = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([dict(params=[p[0]]), dict(params=[p[1]], lr=0.02)], lr=0.1,
                                momentum=0.9)
    if name == "LambdaLR":
        scheduler = S.LambdaLR(optimizer, lambda_lr)
    elif name == "WarmupCosine":
        scheduler = S.LambdaLR(optimizer, lambda step: warmup_cosine(step, **options))
    else:
        scheduler = getattr(S, name)(optimizer, **options)
    rates, momenta = [], []
    for k in range(steps):
        rates.append([number(g["lr"]) for g in optimizer.param_groups])
        momenta.append(number(optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        if k + 1 < steps:
            scheduler.step()
    return {"scheduler": name, "options": options, "lr": rates, "momentum": momenta}


def sequential():
    p = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(p, lr=0.1)
    parts = [S.LinearLR(optimizer, start_factor=0.1, total_iters=5),
             S.CosineAnnealingLR(optimizer, T_max=10), S.ExponentialLR(optimizer, gamma=0.8)]
    scheduler = S.SequentialLR(optimizer, parts, milestones=[5, 15])
    rates = []
    for _ in range(25):
        rates.append([number(optimizer.param_groups[0]["lr"])])
        optimizer.step()
        scheduler.step()
    return {"scheduler": "SequentialLR", "options": {"milestones": [5, 15]}, "lr": rates}


def plateau(**options):
    p = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(p, lr=0.1)
    scheduler = S.ReduceLROnPlateau(optimizer, **options)
    metrics = [1.0, 0.9, 0.9, 0.89995, 0.91, 0.92, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.75, 0.75, 0.75,
               0.75, 0.75, 0.75, 0.75, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    rates = []
    for m in metrics:
        scheduler.step(m)
        rates.append([number(optimizer.param_groups[0]["lr"])])
    return {"scheduler": "ReduceLROnPlateau", "options": options, "metrics": metrics, "lr": rates}


def generate():
    x, y, start = problem()
    runs = [run(name, options) for name, options in RUNS]
    runs += [run(name, options, groups) for name, options, groups in GROUPS]
    write("optimizers", {"x": x.describe(), "y": y.describe(),
                         "start": [s.describe() for s in start], "runs": runs})
    schedules = [schedule(name, options) for name, options in SCHEDULES] + [sequential()]
    schedules += [plateau(patience=2), plateau(patience=1, factor=0.5, cooldown=2),
                  plateau(patience=1, mode="max"), plateau(patience=0, min_lr=0.02, factor=0.5),
                  plateau(patience=2, threshold=0.05, threshold_mode="abs")]
    write("schedules", {"schedules": schedules})


if __name__ == "__main__":
    generate()
