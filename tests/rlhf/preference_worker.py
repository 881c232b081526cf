"""A preference run as a program, alone or one of several processes: writes its records and last weights to a file."""

import copy
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import tiny
import tiny_studio
import torch
from accelerate import PartialState

from rlhf_edu.feedback.types import Pair
from rlhf_edu.rlhf import preference
from rlhf_edu.rlhf.preference_train import PreferenceConfig, train_preference
from rlhf_edu.rlhf.processes import place

out = Path(sys.argv[1])
torch.set_num_threads(1)
PartialState(cpu=True)
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
rank, size = place()
(out / f"{size}-{rank}.json").write_text(json.dumps(found))
