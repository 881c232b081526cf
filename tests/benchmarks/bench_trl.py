"""An RLHF iteration of ours against one of TRL's RLOO trainer: same weights, same work, pair by pair in one run.

64 samples of 48 new tokens, a reward that costs nothing, KL to a reference, two optimiser steps a rollout, CPU.
Needs the extra "peers". Ours is PPO with a value head, so it does a little more.

python tests/benchmarks/bench_trl.py [--iterations 8] [--threads 2]
"""

import argparse
import itertools
import logging
import tempfile
import time
import warnings

import torch
from machine import headline, spread

from rlhf_edu.lm.checkpoint import load, save
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.worlds.world import world

SAMPLES, NEW = 64, 48


def ours(iterations: int) -> list[float]:
    """Seconds of each iteration. The reward's end is out of reach, so that all 48 tokens are written, as in TRL's run."""
    policy, tokenizer = load("stories")
    reference, _ = load("stories")
    prompts = [tokenizer.encode(text) for text in world("stories").openings(256, 5)]
    run = ppo(
        policy,
        ScalarHead(policy.config.width),
        reference,
        lambda done: done.new_ids.float().mean(1),
        prompts,
        PPOConfig(steps=iterations + 1, batch=SAMPLES, n_new=NEW, epochs=1, minibatches=2, lr=1e-6),
        eos_id=tokenizer.vocab_size + 1,
        pad_id=tokenizer.pad_id,
        generator=torch.Generator().manual_seed(0),
    )
    times = []
    for _ in range(iterations + 1):
        start = time.perf_counter()
        next(run)
        times.append(time.perf_counter() - start)
    return times[1:]


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
            num_generations=2,
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
    half = max(2, options.iterations // 2)
    a, b = [], []
    for _ in range(2):  # ours, theirs, ours, theirs: a machine that slows down hits both
        a += ours(half)
        b += trl(half)
    print(f"{headline(options.threads)}\n")
    print("| seconds an iteration | median (lowest to highest) |\n| --- | --- |")
    print(f"| ours (PPO) | {spread(a)} |\n| TRL (RLOO) | {spread(b)} |")
    print(f"| ratio of medians | {sorted(b)[len(b) // 2] / sorted(a)[len(a) // 2]:.2f} |")


if __name__ == "__main__":
    main()
