"""The best of n: write several texts, keep the one the judge likes most; and teach a model to write so at once (RFT).

Nakano et al. (2021), "WebGPT"; Stiennon et al. (2020), "Learning to summarize from human feedback" (appendix G.3: its KL);
Dong et al. (2023), "RAFT" (rejection-sampling fine-tuning).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.lm.interface import CausalLM, Completions, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.sft import SFTConfig
from rlhf_edu.lm.train import Batch, pretrain, right_pad
from rlhf_edu.rlhf.shaping import RewardFn, checked_scores


def best_of_n_kl(n: int) -> float:
    """KL(best of n ‖ the policy it was drawn from), in nats, where no two texts get the same score.

    KL = log n − (n − 1)/n        (Stiennon et al. 2020, appendix G.3)

    It holds for every policy and judge, since only ranks count. With finitely many texts it is an upper bound (Beirami et
    al. 2024); `best_of_n_distribution` gives the truth there.
    """
    if n < 1:
        raise ValueError(f"n is {n}, but the best of n needs at least one text")
    return math.log(n) - (n - 1) / n


def best_of_n_distribution(
    p: Float[np.ndarray, " Y"], scores: Float[np.ndarray, " Y"], n: int
) -> Float[np.ndarray, " Y"]:
    """The chance of each of finitely many texts to be kept; among equal scores the first drawn is.

    P(y) = p(y) / p(score = s_y) · [ P(score ≤ s_y)ⁿ − P(score < s_y)ⁿ ]
    """
    p, scores = np.asarray(p, float), np.asarray(scores, float)
    if n < 1 or not np.isclose(p.sum(), 1) or (p < 0).any():
        raise ValueError(f"n is {n} and the chances sum to {p.sum():g}, but n must be 1 or more and the sum 1")
    rank = np.unique(scores, return_inverse=True)[1]
    mass = np.bincount(rank, p)  # of each score, from the lowest
    below, level = (mass.cumsum() - mass)[rank], mass[rank]
    return np.divide(p * ((below + level) ** n - below**n), level, out=np.zeros_like(p), where=level > 0)


def best_of_n_curve(
    proxy: Float[np.ndarray, "P N"], gold: Float[np.ndarray, "Q M"], ns: Sequence[int]
) -> Float[np.ndarray, "P K"]:
    """What gold gives, on average, to the best of n by proxy, for each prompt and each n of `ns`, from N ≥ n texts each.

    E = Σ_{i=n..N} C(i−1, n−1) / C(N, n) · gold of the text ranked i-th from below by proxy        (Nakano et al. 2021, appendix I)

    All subsets of n at once: unbiased, and far less noisy than drawing one. With gold = proxy it is the mean maximum of n.
    """
    proxy, gold = np.asarray(proxy, float), np.asarray(gold, float)
    N = proxy.shape[1]
    if proxy.shape != gold.shape or not ns or min(ns) < 1 or max(ns) > N:
        raise ValueError(
            f"scores of shapes {proxy.shape} and {gold.shape} came with n from {list(ns)}, but both need one row a prompt "
            "and at least n texts in it"
        )
    ranked = np.take_along_axis(gold, proxy.argsort(1, kind="stable"), 1)
    weights = [[math.comb(i - 1, n - 1) / math.comb(N, n) for i in range(1, N + 1)] for n in ns]
    return ranked @ np.array(weights).T


def keep_best(done: Completions, scores: Float[Tensor, " B"], n: int, keep: int = 1) -> Completions:
    """The `keep` texts with the highest scores among each prompt's n, which stand side by side."""
    if n < 1 or len(done) % n or not 1 <= keep <= n:
        raise ValueError(
            f"{len(done)} texts cannot be grouped by {n} to keep {keep} of each: n must divide their number"
        )
    top = scores.view(-1, n).topk(keep, dim=1).indices
    return done[(top + n * torch.arange(len(top), device=top.device)[:, None]).flatten()]


def best_of_n(
    lm: CausalLM,
    reward_fn: RewardFn,
    prompts: Sequence[list[int]],
    n: int,
    n_new: int,
    *,
    eos_id: int,
    pad_id: int,
    generator: torch.Generator,
    keep: int = 1,
) -> Completions:
    """Write n texts after each prompt and keep those the judge likes best. Nothing is trained; each text costs n."""
    ids, mask = left_pad(list(prompts), pad_id, next(iter(lm.parameters())).device)
    done = sample(lm, ids, mask, n_new, eos_id=eos_id, pad_id=pad_id, samples=n, generator=generator)
    return keep_best(done, checked_scores(reward_fn, done), n, keep)


@dataclass(frozen=True)
class RFTConfig:
    rounds: int = 4
    prompts: int = 32  # different ones a round
    n: int = 8  # texts written for each
    keep: int = 1  # of them learned from
    n_new: int = 80
    sft: SFTConfig = field(default_factory=lambda: SFTConfig(steps=30))  # of each round

    def __post_init__(self):
        for name in ("rounds", "prompts", "n_new"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1")
        if not 1 <= self.keep < self.n:
            raise ValueError(f"keep is {self.keep} of {self.n} texts, but it must be at least 1 and fewer than all")


def answers_to_learn(done: Completions, batch: int, pad_id: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Endless batches of (ids, mask, which tokens are the answer's) of finished texts, for `pretrain`."""
    width = done.ids.shape[1] - done.n_new
    whole = [ids[m].tolist() for ids, m in zip(done.ids.cpu(), done.mask.cpu(), strict=True)]
    starts = done.mask[:, :width].sum(1).cpu()
    while True:
        order = rng.permutation(len(whole))
        for begin in range(0, len(order), batch):
            some = order[begin : begin + batch]
            ids, mask = right_pad([whole[i] for i in some], pad_id)
            yield ids, mask, mask & (torch.arange(ids.shape[1]) >= starts[some][:, None])


@trainer
def rejection_finetune(
    policy: CausalLM,
    reward_fn: RewardFn,
    prompts: Sequence[list[int]],
    config: RFTConfig = RFTConfig(),
    *,
    eos_id: int,
    pad_id: int,
    generator: torch.Generator,
    rng: np.random.Generator,
    test: Callable[[CausalLM], dict] | None = None,
):
    """Write n texts a prompt, fine-tune on the best, again with the better policy; yield one record a round.

    Records hold the mean score of all texts and of those kept, and the loss (nats a token of the answers) of the last step.
    """
    device = next(iter(policy.parameters())).device
    for step in range(config.rounds):
        chosen = torch.randint(len(prompts), (config.prompts,), generator=generator, device=device).tolist()
        ids, mask = left_pad([prompts[i] for i in chosen], pad_id, device)
        done = sample(
            policy, ids, mask, config.n_new, eos_id=eos_id, pad_id=pad_id, samples=config.n, generator=generator
        )
        scores = checked_scores(reward_fn, done)
        kept = keep_best(done, scores, config.n, config.keep)
        best = scores.view(-1, config.n).topk(config.keep, dim=1).values
        records = pretrain(policy, answers_to_learn(kept, config.sft.batch, pad_id, rng), config.sft).run()
        yield dict(
            step=step,
            score=scores.mean().item(),
            score_kept=best.mean().item(),
            loss=records[-1]["loss"],
            ended=(done.new_ids == eos_id).any(1).float().mean().item(),
            n_new=done.new_mask.sum(1).float().mean().item(),
            **(test(policy) if test else {}),
        )
