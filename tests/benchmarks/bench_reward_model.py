"""How much of a hidden taste forty noisy comparisons teach, by taste: correlation and accuracy on fresh stories.

python tests/benchmarks/bench_reward_model.py [--seeds 20 21 22 23 24] [--pairs 40]
"""

import argparse

import numpy as np
import torch
from machine import headline, spread

from rlhf_edu.commands.demo import NOISE
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.reward.train import fit_preferences
from rlhf_edu.rlhf.loop import reading_on, write_pairs
from rlhf_edu.rlhf.studio import open_studio

FRESH = 400  # openings, two stories each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[20, 21, 22, 23, 24])
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in options.seeds:
        studio = open_studio("stories", seed)
        model = studio.reward_model()
        queries, _ = write_pairs(studio, model, options.pairs)
        fresh = studio.write(studio.reference, studio.openings(FRESH, "test"), studio.generator("test"), samples=2)
        texts = studio.read(fresh)
        for name, gold in studio.world.gold.items():
            person = reading_on(boltzmann(gold, NOISE, rng=np.random.default_rng([seed, 7])))
            answers = [person(query) for query in queries]
            agree = [
                (gold(a.prompt + a.chosen) > gold(a.prompt + a.rejected)) for a in answers if a is not None and a.chosen
            ]
            for p in model.head.parameters():
                torch.nn.init.zeros_(p)
            fit_preferences(model, studio.tokenizer, to_pairs(a for a in answers if a is not None)).run()
            with torch.no_grad():
                learned = model(fresh).numpy()
            true = np.array([gold(text) for text in texts])
            r, g = learned.reshape(-1, 2), true.reshape(-1, 2)
            differ = g[:, 0] != g[:, 1]
            right = ((r[:, 0] > r[:, 1]) == (g[:, 0] > g[:, 1]))[differ].mean()
            found.setdefault(name, []).append((np.corrcoef(learned, true)[0, 1], right, float(np.mean(agree))))
    print(f"{headline(options.threads)}; {options.pairs} comparisons, {len(options.seeds)} seeds\n")
    print(
        "| taste | correlation with the hidden taste | right on fresh pairs | the person agrees with their own taste |"
    )
    print("| --- | --- | --- | --- |")
    for name, rows in found.items():
        correlation, right, agree = zip(*rows, strict=True)
        print(f"| {name} | {spread(correlation)} | {spread(right)} | {spread(agree)} |")


if __name__ == "__main__":
    main()
