"""Writing as a game: each token is an action, and only the finished text is judged."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class TextEnv(gym.Env):
    """A Markov decision process whose states are texts. The step from games to words is one line:

        env = TextEnv(score, tokenizer.decode, tokenizer.vocab_size, prompts=prompts, n_new=40, eos_id=tokenizer.eos_id)

    State: the prompt and all tokens written so far. Action: the next token. An episode starts with one of `prompts` (lists
    of token ids, drawn at random) and ends with `eos_id` or after `n_new` tokens; both end the task itself, so both
    *terminate* and neither truncates. The reward is 0 until then, and `score(decode(ids))` for the whole text at the end.

    The observation has one place for each token a text can have; places not written yet hold `vocab_size`, which is no
    token. With `one_hot=True` it is the same as a vector of 0 and 1, for networks. `info["text"]` is the text so far.
    """

    metadata: ClassVar[dict] = {"render_modes": ["ansi"], "render_fps": 4}

    def __init__(
        self,
        score: Callable[[str], float],
        decode: Callable[[list[int]], str],
        vocab_size: int,
        *,
        prompts: Sequence[Sequence[int]] = ((),),
        n_new: int = 20,
        eos_id: int | None = None,
        one_hot: bool = False,
        render_mode: str | None = None,
    ):
        if vocab_size < 1 or n_new < 1:
            raise ValueError(f"vocab_size is {vocab_size} and n_new is {n_new}, but both must be at least 1")
        if not len(prompts):
            raise ValueError("there are no prompts, but every episode starts from one: pass [[]] to start from nothing")
        strange = [token for prompt in prompts for token in prompt if not 0 <= token < vocab_size]
        if eos_id is not None and not 0 <= eos_id < vocab_size:
            strange.append(eos_id)
        if strange:
            raise ValueError(
                f"token {strange[0]} came, but with vocab_size {vocab_size} tokens lie in [0, {vocab_size - 1}]"
            )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode is {render_mode!r}, but it must be None or "ansi"')
        self.score, self.decode, self.vocab_size = score, decode, vocab_size
        self.prompts, self.n_new, self.eos_id = [list(prompt) for prompt in prompts], n_new, eos_id
        self.one_hot, self.render_mode = one_hot, render_mode
        self.places = max(map(len, self.prompts)) + n_new
        self.action_space = spaces.Discrete(vocab_size)
        self.observation_space = (
            spaces.Box(0.0, 1.0, (self.places * (vocab_size + 1),), np.float32)
            if one_hot
            else spaces.MultiDiscrete([vocab_size + 1] * self.places)
        )
        self.ids: list[int] = []
        self.written = 0

    def _look(self) -> tuple[np.ndarray, dict]:
        tokens = np.full(self.places, self.vocab_size, dtype=np.int64)
        tokens[: len(self.ids)] = self.ids
        info = {"text": self.decode(self.ids)}
        if not self.one_hot:
            return tokens, info
        return np.eye(self.vocab_size + 1, dtype=np.float32)[tokens].ravel(), info

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Start from a prompt drawn at random, or from number `options["prompt"]`."""
        super().reset(seed=seed)
        chosen = (options or {}).get("prompt")
        if chosen is None:
            chosen = int(self.np_random.integers(len(self.prompts)))
        if not 0 <= chosen < len(self.prompts):
            raise ValueError(f"prompt {chosen} was asked for, but there are {len(self.prompts)}, counted from 0")
        self.ids, self.written = list(self.prompts[chosen]), 0
        return self._look()

    def step(self, action):
        token = int(action)
        if not 0 <= token < self.vocab_size:
            raise ValueError(f"token {token} came, but with vocab_size {self.vocab_size} there is none of that number")
        self.ids.append(token)
        self.written += 1
        terminated = token == self.eos_id or self.written == self.n_new
        obs, info = self._look()
        reward = float(self.score(info["text"])) if terminated else 0.0
        if not isfinite(reward):
            raise ValueError(f"the score of {info['text'][:60]!r} is {reward}: make it finite for every text")
        return obs, reward, terminated, False, info

    def render(self) -> str | None:
        return self.decode(self.ids) if self.render_mode == "ansi" else None
