"""An RLHF iteration of ours against one of TRL's RLOO trainer: same weights, same work, pair by pair in one run.

64 samples of 48 new tokens, a reward that costs nothing, KL to a reference, two optimiser steps a rollout, CPU.
Needs the extra "peers". Our RLOO does the same work; our PPO, with a value head, does a little more.

python tests/benchmarks/bench_trl.py [--iterations 8] [--threads 2]
"""

import argparse
import itertools
import logging
import statistics
import tempfile
import time
import warnings
from typing import Any

import torch
from machine import headline, spread

from rlhf_edu.lm.checkpoint import load, save
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import Completions
from rlhf_edu.rlhf.group import GroupConfig, group_rl
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.worlds.world import world

SAMPLES, NEW, GROUP = 64, 48, 2


def ours(iterations: int, method: str) -> list[float]:
    """Seconds of each iteration. The reward's end is out of reach, so that all 48 tokens are written, as in TRL's run."""
    policy, tokenizer = load("stories")
    reference, _ = load("stories")
    prompts = [tokenizer.encode(text) for text in world("stories").openings(256, 5)]
    shared: dict[str, Any] = dict(steps=iterations + 1, n_new=NEW, epochs=1, minibatches=2, lr=1e-6)
    special: dict[str, Any] = dict(
        eos_id=tokenizer.vocab_size + 1, pad_id=tokenizer.pad_id, generator=torch.Generator().manual_seed(0)
    )
    if method == "PPO":
        head, config = ScalarHead(policy.config.width), PPOConfig(batch=SAMPLES, **shared)
        run = ppo(policy, head, reference, mean_token, prompts, config, **special)
    else:
        config = GroupConfig(prompts=SAMPLES // GROUP, group=GROUP, beta=0.05, missing_eos=None, **shared)
        run = group_rl(policy, reference, mean_token, prompts, config, **special)
    times = []
    for _ in range(iterations + 1):
        start = time.perf_counter()
        next(run)
        times.append(time.perf_counter() - start)
    return times[1:]


def mean_token(done: Completions) -> torch.Tensor:
    return done.new_ids.float().mean(1)


def trl(iterations: int) -> list[float]:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import RLOOConfig, RLOOTrainer

    class Clock(TrainerCallback):
        def __init__(self):
            self.at = []

        def on_step_end(self, args, state, control, **kwargs):
            self.at.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        save(f"{folder}/model", *load("stories"))
        model = AutoModelForCausalLM.from_pretrained(f"{folder}/model")
        model.generation_config.eos_token_id = None  # nothing ends early on either side
        tokenizer = AutoTokenizer.from_pretrained(f"{folder}/model")
        tokenizer.eos_token = "<unk>"
        clock = Clock()
        config = RLOOConfig(
            output_dir=f"{folder}/out",
            per_device_train_batch_size=SAMPLES // 2,
            steps_per_generation=2,
            gradient_accumulation_steps=1,
            num_generations=GROUP,
            max_completion_length=NEW,
            max_steps=2 * (iterations + 1),
            learning_rate=1e-6,
            beta=0.05,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            generation_kwargs={"min_new_tokens": NEW},
        )
        RLOOTrainer(
            model=model,
            reward_funcs=lambda completions, **_: [float(len(text)) for text in completions],
            args=config,
            train_dataset=Dataset.from_dict({"prompt": world("stories").openings(256, 5)}),
            processing_class=tokenizer,
            callbacks=[clock],
        ).train()
    ends = clock.at[1::2]  # two optimiser steps make an iteration
    return [b - a for a, b in itertools.pairwise(ends)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    half, times = max(2, options.iterations // 2), {}
    for _ in range(2):  # in turn, and again: a machine that slows down hits all
        for name in ("RLOO", "PPO", "TRL"):
            times[name] = times.get(name, []) + (trl(half) if name == "TRL" else ours(half, name))
    theirs = statistics.median(times["TRL"])
    print(f"{headline(options.threads)}\n")
    print("| seconds an iteration, median (lowest to highest) | | TRL is slower by |\n| --- | --- | --- |")
    for name, label in (("RLOO", "ours, RLOO"), ("PPO", "ours, PPO with its value head"), ("TRL", "TRL, RLOO")):
        print(f"| {label} | {spread(times[name])} | {theirs / statistics.median(times[name]):.2f} |")


if __name__ == "__main__":
    main()
