"""An environment whose rewards come from elsewhere: learned from people, or from telling an expert's steps from one's own."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from jaxtyping import Bool, Float

from rlhf_edu.rl.stepping import as_vector


@dataclass(frozen=True)
class Steps:
    """What happened in T steps of E environments; `reached` is where a step truly led, also where the next episode began."""

    obs: Float[np.ndarray, "T E D"]
    act: np.ndarray  # T E, or T E A where actions are vectors
    reached: Float[np.ndarray, "T E D"]
    terminated: Bool[np.ndarray, "T E"]
    truncated: Bool[np.ndarray, "T E"]
    true_rew: Float[np.ndarray, "T E"]  # the environment's own, for measuring only

    def flat(self) -> "Steps":
        """The same steps one after another, as if one environment had made them (T·E × 1)."""
        return Steps(*(x.reshape(-1, 1, *x.shape[2:]) for x in vars(self).values()))


Reward = Callable[[Steps], Float[np.ndarray, "T E"]]


class Relabelled(VectorWrapper):
    """A vector environment that pays `reward(steps)` for one row of steps, in place of its own reward, and remembers what happened.

    Agents train in it as in any other. `take()` hands over all steps since it was last called; `true_ret` is the mean
    return in the environment's own reward of the last finished episodes, which the agent never sees.
    """

    def __init__(self, env: Any, reward: Reward | None = None, window: int = 20):
        vector: VectorEnv = as_vector(env)
        super().__init__(vector)
        self.reward = reward
        self.rows: list[Steps] = []
        self.running = np.zeros(vector.num_envs)
        self.finished: deque[float] = deque(maxlen=window)

    def reset(self, **options: Any) -> Any:
        obs, info = self.env.reset(**options)
        self.last = as_floats(obs)
        self.running[:] = 0
        return obs, info

    def step(self, actions: np.ndarray) -> Any:
        obs, true_rew, terminated, truncated, info = self.env.step(actions)
        reached = new = as_floats(obs)
        ended = terminated | truncated
        self.running += true_rew
        if ended.any():
            reached = reached.copy()
            for i in np.flatnonzero(ended):
                reached[i] = np.asarray(info["final_obs"][i], dtype=np.float32).ravel()
            self.finished += self.running[ended].tolist()
            self.running[ended] = 0
        columns = (self.last, np.array(actions), reached, terminated, truncated, np.asarray(true_rew, dtype=np.float32))
        row = Steps(*(x[None] for x in columns))
        self.rows.append(row)
        self.last = new
        rew = np.zeros(len(ended)) if self.reward is None else self.reward(row)[0].astype(np.float64)
        return obs, rew, terminated, truncated, info

    def take(self) -> Steps:
        """All steps since the last call, and forget them."""
        if not self.rows:
            raise ValueError("nothing has happened since the last take(): let an agent act in this environment first")
        rows, self.rows = self.rows, []
        return Steps(*(np.concatenate([vars(row)[name] for row in rows]) for name in vars(rows[0])))

    @property
    def true_ret(self) -> float:
        """NaN before the first episode has ended."""
        return float(np.mean(self.finished)) if self.finished else float("nan")


def as_floats(obs: Any) -> Float[np.ndarray, "E D"]:
    return np.array(obs, dtype=np.float32).reshape(len(obs), -1)
