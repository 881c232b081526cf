"""RLOO and GRPO where the best policy is known: 85 possible answers, all enumerated (the problem of test_ppo_optimum)."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from test_ppo_optimum import ANSWERS, EOS, LOW, PAD, PROMPT, N, fresh, kl, log_probs, rule, score

from rlhf_edu.rlhf.group import DR_GRPO, GRPO, RLOO, group_rl


@pytest.mark.parametrize(("config", "share"), [(RLOO, 0.9), (DR_GRPO, 0.75), (GRPO, 0.7)])
def test_groups_come_close_to_the_best_policy_there_is(config, share):
    """RLOO climbs the objective itself; GRPO's k3 in the loss and its divisions aim beside it, and get less far."""
    policy, beta = fresh(0), 0.3
    reference = copy.deepcopy(policy).requires_grad_(False)
    settings = replace(config, steps=70, prompts=4, group=16, n_new=N, epochs=2, beta=beta, lr=5e-3, missing_eos=LOW)
    g = torch.Generator().manual_seed(0)
    group_rl(policy, reference, rule, [PROMPT], settings, eos_id=EOS, pad_id=PAD, generator=g).run()
    before, after = log_probs(reference), log_probs(policy)
    value = lambda logp: sum(math.exp(p) * score(y) for p, y in zip(logp, ANSWERS, strict=True))  # noqa: E731
    start, reached = value(before), value(after) - beta * kl(after, before)
    best = beta * math.log(sum(math.exp(p + score(y) / beta) for p, y in zip(before, ANSWERS, strict=True)))
    assert reached <= best + 1e-6
    assert reached > start + share * (best - start)
