"""A PPO run on the tiny model, made the same way each time, and slow readings of what it wrote. As a program: run it with a checkpoint, one JSON line a step."""

import copy
import json
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import tiny
import torch

from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import Completions
from rlhf_edu.rlhf.ppo import PPOConfig, ppo


def likes_low_ids(done):
    """A rule with no meaning, different for nearly every text, with mean near 0."""
    return 1.0 - (done.new_ids * done.new_mask).sum(1) / done.new_mask.sum(1) / 10


def alone(done: Completions, b: int) -> Completions:
    """Row b without its padding, left or right."""
    n = int(done.new_mask[b].sum())
    ids = done.ids[b][done.mask[b]][None]
    return Completions(ids, torch.ones_like(ids, dtype=torch.bool), done.logp[b : b + 1, :n])


def slow_scores(model, done, b, temperature):
    """log π of each new token of row b, and the entropy there, each from a fresh reading of what stands before it."""
    row, found = alone(done, b), []
    for t in range(row.ids.shape[1] - row.n_new, row.ids.shape[1]):
        with torch.no_grad():
            logits = model(row.ids[:, :t], row.mask[:, :t]).logits[0, -1].double() / temperature
        p = torch.softmax(logits, 0)
        found.append((math.log(p[row.ids[0, t]]), -sum(q * math.log(q) for q in p.tolist())))
    return found


@dataclass
class Bench:
    """A policy, its head, its reference and its randomness, all from one seed."""

    seed: int = 1
    policy: torch.nn.Module = field(init=False)

    def __post_init__(self):
        self.policy = tiny.gpt2(self.seed)
        self.reference = copy.deepcopy(self.policy).requires_grad_(False)
        self.head = ScalarHead(tiny.WIDTH)
        self.generator = torch.Generator().manual_seed(self.seed)
        self.prompts = tiny.prompts(self.seed, 10)

    def run(self, reward=likes_low_ids, checkpoint=None, prompts=None, eos_id=tiny.EOS, **kw):
        hooks = {k: kw.pop(k) for k in ("expected", "rewards", "advantages", "policy_loss", "watch_texts") if k in kw}
        settings = dict(steps=5, batch=12, n_new=8, lr=3e-3) | kw
        return ppo(
            self.policy,
            self.head,
            self.reference,
            reward,
            self.prompts if prompts is None else prompts,
            PPOConfig(**settings),
            eos_id=eos_id,
            pad_id=tiny.PAD,
            generator=self.generator,
            checkpoint=checkpoint,
            **hooks,
        )

    def weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in (*self.policy.parameters(), *self.head.parameters())])


if __name__ == "__main__":
    for record in Bench().run(checkpoint=Path(sys.argv[1])):
        print(json.dumps(record), flush=True)
        time.sleep(0.2)  # time for the parent to kill this process in the middle
