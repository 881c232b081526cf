"""Sampling against `transformers.generate` with the same weights: ratios of wall clock, pair by pair, in one run.

python tests/benchmarks/bench_sampling.py [--pairs 7] [--threads 2]
"""

import argparse
import time

import torch
from machine import headline, spread

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.sampling import sample

NEW, PROMPTS, PROMPT = 48, 64, 12
VOCAB, EOS, PAD = 512, 1, 0


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    ours = GPT2(GPT2Config(VOCAB, 128, layers=4, heads=4, width=200)).eval()
    theirs = ours.to_transformers(eos_token_id=EOS, pad_token_id=PAD)
    prompts = torch.randint(3, VOCAB, (PROMPTS, PROMPT))
    mask = torch.ones_like(prompts, dtype=torch.bool)
    few, few_mask = prompts[: PROMPTS // 8], mask[: PROMPTS // 8]
    none = VOCAB + 1  # an end that never comes, so that both write all 48 tokens
    full = dict(max_new_tokens=NEW, min_new_tokens=NEW, do_sample=True, top_k=0, top_p=1.0)

    def generate(ids, attention, **more):
        theirs.generate(ids, attention_mask=attention.long(), **full, **more)

    cases = {
        f"{PROMPTS} prompts × {NEW} tokens": (
            lambda: sample(ours, prompts, mask, NEW, eos_id=none, pad_id=PAD),
            lambda: generate(prompts, mask),
        ),
        f"{len(few)} prompts × 8 samples × {NEW} tokens": (
            lambda: sample(ours, few, few_mask, NEW, eos_id=none, pad_id=PAD, samples=8),
            lambda: generate(few, few_mask, num_return_sequences=8),
        ),
    }
    size = sum(p.numel() for p in ours.parameters()) / 1e6
    print(f"{headline(options.threads)}; {size:.1f} M weights\n")
    print("| case | ours, s | transformers, s | ratio (theirs / ours) |\n| --- | --- | --- | --- |")
    for name, (mine, peer) in cases.items():
        mine(), peer()  # warm up
        times = [(seconds(mine), seconds(peer)) for _ in range(options.pairs)]
        a, b = zip(*times, strict=True)
        print(f"| {name} | {spread(a)} | {spread(b)} | {spread([y / x for x, y in times])} |")


if __name__ == "__main__":
    main()
