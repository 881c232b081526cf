"""A gallery of PPO runs on the stories, healthy and with a silent fault each: the recipe, and the curves that ship with it.

Thirty runs take minutes, so `tests/benchmarks/record_faults.py` made them once; `recorded()` reads what it wrote.
"""

import json
from contextlib import nullcontext
from importlib.resources import files
from itertools import islice

import numpy as np

from rlhf_edu.core import seed_everything
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.reward.train import fit_preferences
from rlhf_edu.rlhf.faults import seeded
from rlhf_edu.rlhf.loop import reading_on, write_pairs
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.shaping import RewardFn, reference_scale
from rlhf_edu.rlhf.studio import Studio, open_studio

TASTE = "happy_ending"
CONFIG = PPOConfig(steps=12, batch=24, epochs=2, lr=1e-3, beta=0.1)  # small batches, large steps: faults show early

History = list[dict]  # numbers by name, a record a step


def story_judge(studio: Studio, pairs: int = 40) -> RewardFn:
    """A reward model fitted to forty answers of a simulated person who likes happy endings, with gain and bias."""
    person = reading_on(boltzmann(studio.world.taste(TASTE), 0.1, rng=np.random.default_rng(0)))
    judge = studio.reward_model()
    queries, drafts = write_pairs(studio, judge, pairs)
    answers = [answer for query in queries if (answer := person(query)) is not None]
    fit_preferences(judge, studio.tokenizer, to_pairs(answers)).run()
    return reference_scale(judge, drafts)(judge)


def record(fault: str, seed: int, reward_fn: RewardFn, *, steps: int = CONFIG.steps, device: str = "cpu") -> History:
    """The first `steps` records of a run with a `fault`, or of a "healthy" one; "gold" is the hidden taste."""
    seed_everything(seed)  # the fault "dropout" draws from no generator of ours
    student = open_studio("stories", seed, device)
    gold, head = student.world.taste(TASTE), ScalarHead(student.policy.config.width).to(student.device)
    with nullcontext() if fault == "healthy" else seeded(fault):  # around the call too: a fault may be in its defaults
        run = ppo(
            student.policy,
            head,
            student.reference,
            reward_fn,
            student.prompt_ids(student.openings(1000, "ppo")),
            CONFIG,
            eos_id=student.tokenizer.eos_id,
            pad_id=student.tokenizer.pad_id,
            generator=student.generator("ppo"),
            watch_texts=lambda done: {"gold": float(np.mean([gold(text) for text in student.read(done)]))},
        )
        return list(islice(run, steps))


def recorded(name: str = "gallery") -> dict:
    """What ships: "gallery" has {"made", "healthy": [run, …], "faults": {name: run}}, "unnamed" {"made", "runs": {…}}."""
    data = json.loads((files("rlhf_edu") / "data" / "gallery" / f"{name}.json").read_text(encoding="utf-8"))
    return {key: _histories(value) if key != "made" else value for key, value in data.items()}


def _histories(runs):
    """Curves by name, as files keep them, made into records by step."""
    if isinstance(runs, list):
        return [_histories(run) for run in runs]
    if all(isinstance(curve, list) for curve in runs.values()):
        return [dict(zip(runs, step, strict=True)) for step in zip(*runs.values(), strict=True)]
    return {name: _histories(run) for name, run in runs.items()}
