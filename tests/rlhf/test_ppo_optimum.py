"""PPO where the best policy is known: 85 possible answers, all enumerated.

The objective E[r] − β KL(π ‖ π_ref) has one maximum, π*(y|x) = π_ref(y|x) exp(r(y)/β) / Z(x), where it is β log Z(x).
"""

import copy
import math
from itertools import product

import pytest
import torch

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.rlhf.ppo import PPOConfig, ppo

VOCAB, EOS, PAD, N, LOW = 5, 1, 0, 3, -2.0
PROMPT = [4, 2]
ANSWERS = [(EOS,)] + [(a, EOS) for a in (0, 2, 3, 4)] + list(product((0, 2, 3, 4), (0, 2, 3, 4), range(VOCAB)))


def score(answer: tuple[int, ...]) -> float:
    """A point for each 3, half a point off for each 2; `LOW` without an end."""
    return answer.count(3) - 0.5 * answer.count(2) if answer[-1] == EOS else LOW


def rule(done) -> torch.Tensor:
    """The same for the trainer, which sees to the ends by itself."""
    real = done.new_mask
    return ((done.new_ids == 3) & real).sum(1) - 0.5 * ((done.new_ids == 2) & real).sum(1)


def log_probs(model) -> list[float]:
    """log π(y | prompt) of every answer, each read on its own."""
    found = []
    for answer in ANSWERS:
        ids = torch.tensor([PROMPT + list(answer)])
        with torch.no_grad():
            logp = torch.log_softmax(model(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0].double(), 1)
        found.append(sum(logp[len(PROMPT) + t - 1, token].item() for t, token in enumerate(answer)))
    return found


def fresh(seed: int) -> GPT2:
    torch.manual_seed(seed)
    return GPT2(GPT2Config(VOCAB, 8, layers=1, heads=2, width=16)).eval()


def taught(seed: int, **settings) -> tuple[list[float], list[float], list[dict]]:
    """Log-probs of all answers before and after PPO, and its records."""
    policy = fresh(seed)
    reference = copy.deepcopy(policy).requires_grad_(False)
    config = PPOConfig(**dict(batch=64, n_new=N, epochs=2, missing_eos=LOW, lr=5e-3) | settings)
    g = torch.Generator().manual_seed(seed)
    run = ppo(policy, ScalarHead(16), reference, rule, [PROMPT], config, eos_id=EOS, pad_id=PAD, generator=g)
    records = run.run()
    return log_probs(reference), log_probs(policy), records


def kl(after, before) -> float:
    return sum(math.exp(p) * (p - q) for p, q in zip(after, before, strict=True))


def test_all_answers_are_there():
    assert sum(map(math.exp, log_probs(fresh(0)))) == pytest.approx(1.0, abs=1e-5)
    assert len(set(ANSWERS)) == 85


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ppo_comes_close_to_the_best_policy_there_is(seed):
    """At least 90 % of the way from the reference to the optimum, and the likeliest answer is the best one."""
    beta = 0.3
    before, after, _ = taught(seed, steps=70, beta=beta)
    start = sum(math.exp(p) * score(y) for p, y in zip(before, ANSWERS, strict=True))
    reached = sum(math.exp(p) * score(y) for p, y in zip(after, ANSWERS, strict=True)) - beta * kl(after, before)
    best = beta * math.log(sum(math.exp(p + score(y) / beta) for p, y in zip(before, ANSWERS, strict=True)))
    assert reached <= best + 1e-6  # nobody beats the optimum: the enumeration itself is sound
    assert reached > start + 0.9 * (best - start)
    wanted = max(zip(before, ANSWERS, strict=True), key=lambda x: x[0] + score(x[1]) / beta)[1]
    assert max(zip(after, ANSWERS, strict=True))[1] == wanted


def test_an_endless_price_keeps_the_policy_at_the_reference_and_no_price_lets_it_collapse():
    """The same silly reward (threes, and an end), priced at 100 a nat and at nothing."""
    before, kept, _ = taught(3, steps=50, beta=100.0, lr=2e-3)
    assert kl(kept, before) < 0.03
    before, gone, records = taught(3, steps=50, beta=0.0)
    assert kl(gone, before) > 2.0
    assert math.exp(gone[ANSWERS.index((3, 3, EOS))]) > 0.8
    assert records[-1]["entropy"] < 0.4 * records[0]["entropy"]
    assert records[-1]["distinct_2"] < 0.5 * records[0]["distinct_2"]


def test_more_price_means_less_distance():
    distances = []
    for beta in (1.0, 0.1):
        before, after, _ = taught(4, steps=25, beta=beta)
        distances.append(kl(after, before))
    assert distances[0] < 0.7 * distances[1]
