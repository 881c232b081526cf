"""Small worlds to learn in: grids, probes with known answers, walks on a graph, and writing (`TextEnv`).

Importing this module tells Gymnasium about them, so that `gymnasium.make("rlhf_edu/GridWorld-v0")` works.
(Gymnasium dropped its plug-in entry points in 1.0; `gymnasium.make("rlhf_edu.envs:rlhf_edu/GridWorld-v0")`
imports this module by itself.)
"""

import gymnasium as gym

from rlhf_edu.envs.graph import WalkGraph
from rlhf_edu.envs.grid import MAPS, GridWorld
from rlhf_edu.envs.probes import PROBES
from rlhf_edu.envs.text import TextEnv
from rlhf_edu.envs.vec import make_vec
from rlhf_edu.envs.walk import RandomWalk

__all__ = ["MAPS", "PROBES", "GridWorld", "RandomWalk", "TextEnv", "WalkGraph", "make_vec", "register"]


def register() -> None:
    """Tell Gymnasium about our environments (once; calling it again does nothing)."""
    specs: list[tuple[str, str, int | None]] = [
        ("GridWorld", "rlhf_edu.envs.grid:GridWorld", 200),
        ("RandomWalk", "rlhf_edu.envs.walk:RandomWalk", None),
        *((f"Probe{name}", f"rlhf_edu.envs.probes:{cls.__name__}", cls.time_limit) for name, cls in PROBES.items()),
    ]
    for name, entry_point, limit in specs:
        if f"rlhf_edu/{name}-v0" not in gym.registry:
            gym.register(f"rlhf_edu/{name}-v0", entry_point, max_episode_steps=limit)


register()
