"""The DPO family on texts that the policy has just written: write, let the reward function judge, learn the pairs, again.

Guo et al. (2024), "Direct language model alignment from online AI feedback". A few dozen pairs that people judged go far only
if they teach a reward function first, which then judges as many fresh texts as we like.
Left out on purpose: asking a person in every round, pairs other than each prompt's best and worst.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from rlhf_edu.core import trainer
from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.interface import CausalLM, Completions, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.rlhf.preference import Loss, dpo
from rlhf_edu.rlhf.preference_train import PreferenceConfig, train_preference
from rlhf_edu.rlhf.shaping import RewardFn, checked_scores
from rlhf_edu.rlhf.texts import texts_of
from rlhf_edu.rlhf.watching import distinct_pairs


@dataclass(frozen=True)
class OnlineConfig:
    rounds: int = 8
    prompts: int = 24  # different ones a round
    group: int = 8  # texts for each, of which the best and the worst make a pair
    n_new: int = 80  # longest answer, in tokens
    train: PreferenceConfig = field(
        default_factory=lambda: PreferenceConfig(steps=8, batch=12, lr=1.5e-4)
    )  # of each round

    def __post_init__(self):
        for name in ("rounds", "prompts", "n_new"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1")
        if self.group < 2:
            raise ValueError(f"group is {self.group}, but a pair needs two texts of one prompt: take 2 or more")


def judged_pairs(done: Completions, scores: torch.Tensor, group: int, tokenizer: Tokenizer) -> list[Pair]:
    """Of each prompt's `group` texts, which stand side by side, the one with the highest score and the one with the lowest.

    Texts that were cut off before their end are left out: a pair is learned with an end after both. So are prompts all of
    whose texts score alike.
    """
    prompts, outputs = texts_of(done, tokenizer)
    ended = (done.new_ids == tokenizer.eos_id).any(1).tolist()
    pairs = []
    for start in range(0, len(outputs), group):
        rows = [i for i in range(start, start + group) if ended[i] and outputs[i]]
        if not rows:
            continue
        best, worst = max(rows, key=scores.tolist().__getitem__), min(rows, key=scores.tolist().__getitem__)
        if scores[best] > scores[worst] and outputs[best] != outputs[worst]:
            pairs.append(Pair(prompts[start], outputs[best], outputs[worst]))
    return pairs


@trainer
def online_preference(
    policy: CausalLM,
    reference: CausalLM | None,
    tokenizer: Tokenizer,
    reward_fn: RewardFn,
    prompts: Sequence[list[int]],
    config: OnlineConfig = OnlineConfig(),
    *,
    loss: Loss = dpo,
    generator: torch.Generator,
    rng: np.random.Generator,
    watch_texts: Callable[[Completions], dict] | None = None,
):
    """Fine-tune `policy` in place, on its own texts in pairs; yield one record a round, about the texts written in it.

    The reference stays where it is, so that β prices the distance from the start, not from the round before. A round that
    yields no pair is a ValueError: then nothing can be learned from this reward function.
    """
    device = next(iter(policy.parameters())).device
    for step in range(config.rounds):
        some = torch.randint(len(prompts), (config.prompts,), generator=generator, device=device).tolist()
        ids, mask = left_pad([prompts[i] for i in some], tokenizer.pad_id, device)
        done = sample(
            policy,
            ids,
            mask,
            config.n_new,
            eos_id=tokenizer.eos_id,
            pad_id=tokenizer.pad_id,
            samples=config.group,
            generator=generator,
        )
        scores = checked_scores(reward_fn, done)
        pairs = judged_pairs(done, scores, config.group, tokenizer)
        if not pairs:
            raise ValueError(
                f"round {step} gave no pair: of each prompt's {config.group} texts none that ends is better than another, "
                "so look at the reward function, or raise group"
            )
        last = train_preference(policy, reference, tokenizer, pairs, config.train, loss=loss, rng=rng).run()[-1]
        yield dict(
            step=step,
            score=scores.mean().item(),
            pairs=len(pairs),
            ended=(done.new_ids == tokenizer.eos_id).any(1).float().mean().item(),
            n_new=done.new_mask.sum(1).float().mean().item(),
            distinct_2=distinct_pairs(done),
            **{name: last[name] for name in ("loss", "accuracy", "margin", "chosen", "rejected")},
            **(watch_texts(done) if watch_texts else {}),
        )
