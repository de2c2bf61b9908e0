#!/usr/bin/env python3
"""Updates and plans a second of `reverie bench --model latent`, and of the same computation written plainly in PyTorch.

    .venv/bin/python scripts/bench_latent.py [--binary build/release/reverie] [--size 1M] [--task cartpole-swingup] [--json]

The update is that of a latent model (encoder, dynamics, reward, values, policy, decoder heads; batch 256, three steps)
with Adam on random numbers of the task's sizes; the plan is MPPI with the policy's proposals and the value at the end.
Both take the same number of threads. They run in turn, --rounds times; medians of the rates and of the ratios count.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINS, LOW, HIGH = 101, -10.0, 10.0


class SimNorm(nn.Module):
    def forward(self, x):
        return F.softmax(x.view(*x.shape[:-1], -1, 8), dim=-1).view(x.shape)


def mlp(sizes, last=None):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        hidden = i + 2 < len(sizes)
        if hidden or last is not None:
            layers += [nn.LayerNorm(sizes[i + 1]), nn.Mish() if hidden else last]
    return nn.Sequential(*layers)


def symlog(x):
    return torch.sign(x) * torch.log1p(x.abs())


def symexp(x):
    return torch.sign(x) * torch.expm1(x.abs())


def from_logits(logits):
    return symexp((F.softmax(logits, -1) * torch.linspace(LOW, HIGH, BINS)).sum(-1))


def cross_entropy(logits, target):
    x = symlog(target).clamp(LOW, HIGH)
    position = (x - LOW) / ((HIGH - LOW) / (BINS - 1))
    below = position.floor().clamp_max(BINS - 2)
    share = (position - below).unsqueeze(-1)
    two_hot = torch.zeros(*target.shape, BINS)
    two_hot.scatter_(-1, below.long().unsqueeze(-1), 1 - share)
    two_hot.scatter_(-1, below.long().unsqueeze(-1) + 1, share)
    return -(two_hot * F.log_softmax(logits, -1)).sum(-1)


class Plain:
    """The model, its update and its plan, as one would write them first."""

    def __init__(self, options, planner, observed, actions, discount=0.98):
        self.o, self.p, self.discount = options, planner, discount
        z, w, self.nu, self.nobs = options["latent"], options["width"], actions, observed
        self.encoder = mlp([observed, options["encoder_width"], z], SimNorm())
        self.dynamics = mlp([z + actions, w, w, z], SimNorm())
        self.reward = mlp([z + actions, w, w, BINS])
        self.values = nn.ModuleList(mlp([z + actions, w, w, BINS]) for _ in range(options["values"]))
        self.targets = nn.ModuleList(mlp([z + actions, w, w, BINS]) for _ in range(options["values"]))
        self.targets.load_state_dict(self.values.state_dict())
        self.policy = mlp([z, w, w, 2 * actions])
        d = options["decoder_width"]
        self.decoders = nn.ModuleList(mlp([z, d, d, 2 * observed]) for _ in range(options["decoders"]))
        lr = options["learning_rate"]
        self.model_parameters = [*self.encoder.parameters(), *self.dynamics.parameters(), *self.reward.parameters(),
                                 *self.values.parameters()]
        self.optimizer = torch.optim.Adam([{"params": self.encoder.parameters(), "lr": 0.3 * lr},
                                           {"params": self.model_parameters[len(list(self.encoder.parameters())):]}], lr=lr)
        self.policy_optimizer = torch.optim.Adam(self.policy.parameters(), lr=lr, eps=1e-5)
        self.decoder_optimizer = torch.optim.Adam(self.decoders.parameters(), lr=lr)
        self.scale = 1.0
        rows = 20000
        self.data = [torch.randn(rows, observed), torch.rand(rows, actions) * 2 - 1, torch.rand(rows)]

    def act(self, z):
        mean, raw = self.policy(z).chunk(2, -1)
        log_std = 6 * torch.tanh(raw) - 4
        eps = torch.randn_like(mean)
        action = torch.tanh(mean + eps * log_std.exp())
        log_prob = (-0.5 * eps**2 - log_std - 0.9189 - torch.log(1 - action**2 + 1e-6)).sum(-1)
        return action, log_prob

    def update(self):
        o, batch, steps = self.o, self.o["batch"], self.o["horizon"]
        start = torch.randint(0, self.data[0].shape[0] - steps - 1, (batch,))
        index = torch.stack([start + t for t in range(steps + 1)])
        obs, action, reward = self.data[0][index], self.data[1][index[:-1]], self.data[2][index[:-1]]
        with torch.no_grad():
            later = self.encoder(obs[1:])
            chosen, _ = self.act(later)
            x = torch.cat([later, chosen], -1)
            q = torch.stack([from_logits(head(x)) for head in self.targets])[torch.randperm(o["values"])[:2]]
            returns = reward + self.discount * q.min(0).values
        z = self.encoder(obs[0])
        latents, consistency = [z], 0
        for t in range(steps):
            z = self.dynamics(torch.cat([z, action[t]], -1))
            consistency = consistency + F.mse_loss(z, later[t]) * o["rho"] ** t
            latents.append(z)
        latents = torch.stack(latents)
        x = torch.cat([latents[:-1], action], -1)
        reward_loss = value_loss = 0
        rewards = self.reward(x)
        values = [head(x) for head in self.values]
        for t in range(steps):
            weight = o["rho"] ** t
            reward_loss = reward_loss + cross_entropy(rewards[t], reward[t]).mean() * weight
            for value in values:
                value_loss = value_loss + cross_entropy(value[t], returns[t]).mean() * weight / len(values)
        loss = (o["consistency"] * consistency + o["reward"] * reward_loss + o["value"] * value_loss) / steps
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model_parameters, o["gradient_clip"])
        self.optimizer.step()

        latents = latents.detach()
        for parameter in self.values.parameters():
            parameter.requires_grad_(False)
        chosen, log_prob = self.act(latents)
        x = torch.cat([latents, chosen], -1)
        picked = torch.randperm(o["values"])[:2].tolist()
        q = torch.stack([from_logits(self.values[i](x)) for i in picked]).mean(0)
        low, high = torch.quantile(q[0].detach(), torch.tensor([0.05, 0.95]))
        self.scale += 0.01 * (max(1.0, (high - low).item()) - self.scale)
        rho = o["rho"] ** torch.arange(steps + 1)
        policy_loss = ((o["entropy"] * self.nu * log_prob - q / self.scale).mean(1) * rho).mean()
        self.policy_optimizer.zero_grad()
        policy_loss.backward()
        nn.utils.clip_grad_norm_(self.policy.parameters(), o["gradient_clip"])
        self.policy_optimizer.step()
        for parameter in self.values.parameters():
            parameter.requires_grad_(True)

        some, seen = latents[:, : batch // 4], obs[:, : batch // 4]
        decoder_loss = 0
        for head in self.decoders:
            mean, raw = head(some).chunk(2, -1)
            log_var = -12 + F.softplus(4 - F.softplus(4 - raw) + 12)
            each = (mean - seen) ** 2 * torch.exp(-log_var) + log_var
            decoder_loss = decoder_loss + (each * torch.exp(0.5 * log_var.detach())).sum(-1).mean() / len(self.decoders)
        self.decoder_optimizer.zero_grad()
        decoder_loss.backward()
        nn.utils.clip_grad_norm_(self.decoders.parameters(), o["gradient_clip"])
        self.decoder_optimizer.step()
        with torch.no_grad():
            for target, value in zip(self.targets.parameters(), self.values.parameters()):
                target.lerp_(value, o["target_rate"])
        return loss.item()

    @torch.no_grad()
    def plan(self):
        p = self.p
        count, proposals, horizon = p["sequences"], p["policy_sequences"], p["horizon"]
        start = self.encoder(torch.randn(1, self.nobs))
        z, proposed = start.repeat(proposals, 1), []
        for _ in range(horizon):
            action, _ = self.act(z)
            proposed.append(action)
            z = self.dynamics(torch.cat([z, action], -1))
        mean, std = torch.zeros(horizon, self.nu), torch.full((horizon, self.nu), p["initial_deviation"])
        actions = torch.empty(horizon, count, self.nu)
        actions[:, :proposals] = torch.stack(proposed)
        for _ in range(p["iterations"]):
            noise = torch.randn(horizon, count - proposals, self.nu)
            actions[:, proposals:] = (mean.unsqueeze(1) + std.unsqueeze(1) * noise).clamp(-1, 1)
            z, total = start.repeat(count, 1), 0
            for t in range(horizon):
                x = torch.cat([z, actions[t]], -1)
                total = total + self.discount**t * from_logits(self.reward(x))
                z = self.dynamics(x)
            action = torch.tanh(self.policy(z).chunk(2, -1)[0])
            x = torch.cat([z, action], -1)
            total = total + self.discount**horizon * torch.stack([from_logits(head(x)) for head in self.values]).mean(0)
            best = total.topk(p["elites"]).indices
            weight = F.softmax((total[best] - total[best].max()) / (p["temperature"] * total[best].std() + 1e-9), 0)
            elite = actions[:, best]
            mean = (weight.view(1, -1, 1) * elite).sum(1)
            std = (weight.view(1, -1, 1) * (elite - mean.unsqueeze(1)) ** 2).sum(1).sqrt().clamp(p["minimum_deviation"])
        return mean


def rate(body, seconds):
    for _ in range(5):
        body()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        body()
        count += 1
    return count / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/reverie"))
    parser.add_argument("--size", default="1M")
    parser.add_argument("--task", default="cartpole-swingup")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--threads", type=int, help="(those that this process may use)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    listed = json.loads(subprocess.run([given.binary, "tasks", "--json"], check=True, capture_output=True).stdout)
    task = next(entry for entry in listed["tasks"] if entry["name"] == given.task)
    report = {"task": given.task, "size": given.size}
    rates = {"train": [], "plan": []}
    threads = [] if given.threads is None else ["--threads", str(given.threads)]
    for _ in range(given.rounds):
        for what in rates:
            answer = json.loads(subprocess.run(
                [given.binary, "bench", what, "--model", "latent", "--set", f"size={given.size}", "--task", given.task,
                 "--seconds", str(given.seconds / 2), *threads, "--json"], check=True, stdout=subprocess.PIPE).stdout)
            torch.set_num_threads(answer["threads"])
            report["threads"], report["machine"] = answer["threads"], answer["machine"]
            if what == "plan":
                planner = answer["planner"]
            else:
                planner = {}
            plain = Plain(answer["model"], planner, task["observation_size"], task["action_size"])
            ours = answer["updates_per_s" if what == "train" else "plans_per_s"]
            theirs = rate(plain.update if what == "train" else plain.plan, given.seconds)
            rates[what].append((ours, theirs, ours / theirs))
            report.setdefault(f"{what}_share_of_peak", []).append(answer["share_of_peak"])
    for what, unit in (("train", "updates"), ("plan", "plans")):
        ours, theirs, ratio = (statistics.median(column) for column in zip(*rates[what]))
        report[f"{unit}_per_s"], report[f"plain_{unit}_per_s"], report[f"{unit}_ratio"] = ours, theirs, ratio
        report[f"{what}_share_of_peak"] = statistics.median(report[f"{what}_share_of_peak"])
    if given.json:
        print(json.dumps(report))
        return
    print(f"{report['machine']}, {report['threads']} threads, {given.task}, size {given.size}")
    for unit in ("updates", "plans"):
        print(f"{unit:8} {report[unit + '_per_s']:8.1f} /s   plain PyTorch {report['plain_' + unit + '_per_s']:8.1f} /s"
              f"   ratio {report[unit + '_ratio']:.2f}")


if __name__ == "__main__":
    main()
