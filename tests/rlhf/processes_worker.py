"""Training runs as a program, alone or one of several processes: writes their records and last weights to a file."""

import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import tiny
import tiny_studio
import torch
import torch.distributed as dist
from accelerate import PartialState

from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.rlhf import preference
from rlhf_edu.rlhf.group import GRPO, RLOO, group_rl
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.preference_train import PreferenceConfig, train_preference
from rlhf_edu.rlhf.processes import place

out = Path(sys.argv[1])
torch.set_num_threads(1)
PartialState(cpu=True)
if not dist.is_initialized():  # a group of one: its random numbers are drawn as in a larger one
    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
texts = tiny_studio.openings(48, 1)
pairs = [Pair(*some) for some in zip(texts[::3], texts[1::3], texts[2::3], strict=True)]
found = {}
for name in ("dpo", "kto"):
    policy = tiny.gpt2(2)
    reference = copy.deepcopy(policy).requires_grad_(False)
    run = train_preference(
        policy,
        reference,
        tiny_studio.tokenizer(),
        pairs,
        PreferenceConfig(steps=5, batch=8, lr=3e-3),
        loss=getattr(preference, name),
        rng=np.random.default_rng(0),
    )
    found[name] = run.run()
    found[f"{name} weights"] = [p.detach().double().sum().item() for p in policy.parameters()]


def even(done):
    """A reward that each text earns alone: how many of its tokens are even."""
    return ((done.new_ids % 2 == 0) & done.new_mask).float().sum(1) / 4


prompts = [[5, 6], [7], [8, 9, 10], [11, 12]]
short = dict(eos_id=1, pad_id=0)
for name in ("ppo", "rloo", "grpo", "tokens"):
    policy = tiny.gpt2(3)
    reference = copy.deepcopy(policy).requires_grad_(False)
    special = dict(short, generator=torch.Generator().manual_seed(1))
    if name == "ppo":
        head, config = ScalarHead(policy.config.width), PPOConfig(steps=3, batch=12, n_new=6, lr=3e-3)
        run = ppo(policy, head, reference, even, prompts, config, **special)
    else:
        base = {"rloo": RLOO, "grpo": GRPO, "tokens": replace(RLOO, average="tokens")}[name]
        config = replace(base, steps=3, prompts=4, group=4, n_new=6, lr=3e-3)
        run = group_rl(policy, reference, even, prompts, config, **special)
    found[name] = run.run()
    found[f"{name} weights"] = [p.detach().double().sum().item() for p in policy.parameters()]
rank, size = place()
(out / f"{size}-{rank}.json").write_text(json.dumps(found))
dist.barrier()  # who leaves while the other still listens makes it abort
dist.destroy_process_group()
