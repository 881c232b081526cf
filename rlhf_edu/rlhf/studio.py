"""A world with its model at work in it: what every stage of the loop shares."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rlhf_edu.lm.checkpoint import load
from rlhf_edu.lm.interface import CausalLM, Completions, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.themes import load_themes
from rlhf_edu.worlds.world import World, world

STAGES = ("pairs", "reward", "ppo", "test")


@dataclass
class Studio:
    """`policy` is the model being taught (in place); `reference` is how it wrote before, frozen."""

    world: World
    policy: CausalLM
    tokenizer: Tokenizer
    seed: int = 0
    themes: Tensor | None = None  # "V K", of the world's texts; see reward/themes.py
    reference: CausalLM = field(init=False)

    def __post_init__(self):
        self.reference = copy.deepcopy(self.policy).eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return next(iter(self.policy.parameters())).device

    def reward_model(self) -> RewardModel:
        """A reward model that knows nothing yet, on the reference's trunk and the world's themes."""
        return RewardModel(self.reference, self.themes).to(self.device)

    def generator(self, stage: str) -> torch.Generator:
        """Each stage has randomness of its own, so that a run resumed at a later stage draws the same numbers."""
        state = np.random.SeedSequence([self.seed, STAGES.index(stage)]).generate_state(1)
        return torch.Generator(self.device).manual_seed(int(state[0]))

    def openings(self, n: int, stage: str) -> list[str]:
        """Fresh openings of texts; those of different stages and seeds are drawn independently."""
        return self.world.openings(n, 10 * self.seed + STAGES.index(stage) + 1)

    def prompt_ids(self, openings: Sequence[str]) -> list[list[int]]:
        """Token ids of openings, or a ValueError about one that is empty, too long or full of unknown words."""
        return [self.tokenizer.encode_prompt(text, self.policy.context // 2) for text in openings]

    def write(
        self, model: CausalLM, openings: Sequence[str], generator: torch.Generator, samples: int = 1
    ) -> Completions:
        """What `model` writes after each opening, `samples` times, up to the end of its context."""
        ids, mask = left_pad(self.prompt_ids(openings), self.tokenizer.pad_id, self.device)
        return sample(
            model,
            ids,
            mask,
            self.policy.context - ids.shape[1],
            eos_id=self.tokenizer.eos_id,
            pad_id=self.tokenizer.pad_id,
            samples=samples,
            generator=generator,
        )

    def read(self, done: Completions) -> list[str]:
        """Whole texts, opening included."""
        return [self.tokenizer.decode(ids[m].tolist()) for ids, m in zip(done.ids.cpu(), done.mask.cpu(), strict=True)]


def open_studio(name: str = "stories", seed: int = 0, device: torch.device | str = "cpu") -> Studio:
    """A shipped world and its model, ready to be taught."""
    place = world(name)
    policy, tokenizer = load(place.name, device)
    return Studio(place, policy, tokenizer, seed, load_themes(place.name))
