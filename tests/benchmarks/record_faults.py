"""Record the curves of lesson 14's gallery and of its exercise: `python tests/benchmarks/record_faults.py`, minutes on one core.

Healthy runs, one run of each seeded fault, and six runs without a name, each with seeds of its own. Written to
rlhf_edu/data/gallery/ after every run; runs that are there already are kept (delete the files to start anew).
"""

import argparse
import json
import time
from pathlib import Path

import torch
from machine import headline

from rlhf_edu.rlhf.faults import FAULTS
from rlhf_edu.rlhf.gallery import CONFIG, TASTE, History, record, story_judge
from rlhf_edu.rlhf.studio import open_studio

FOLDER = Path(__file__).parents[2] / "rlhf_edu" / "data" / "gallery"
KEYS = (
    "score",
    "reward",
    "gold",
    "kl_nats",
    "kl_per_token",
    "beta",
    "first_ratio",
    "clip_fraction",
    "approx_kl",
    "entropy",
    "value_loss",
    "explained_variance",
    "n_new",
    "ended",
    "distinct_2",
    "stopped",
)
HEALTHY = (0, 1, 2, 3, 4)  # seeds of the band
FAULTY = 5  # the seed of every fault in the gallery
UNNAMED = ("dropout", "whitened_early", "kl_sign", "healthy", "rollout_temperature", "pad_edge")  # seeds from 11 on


def columns(history: History) -> dict[str, list[float]]:
    """A curve a key, rounded to six digits."""
    return {key: [float(f"{r[key]:.6g}") for r in history] for key in KEYS}


def read(name: str, empty: dict) -> dict:
    made = dict(by="tests/benchmarks/record_faults.py", on=headline(1), taste=TASTE, config=repr(CONFIG))
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else dict(made=made) | empty


def write(name: str, data: dict) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600, help="start no further run after this time")
    options, began = parser.parse_args(), time.monotonic()
    reward_fn = story_judge(open_studio("stories", 0))
    gallery, unnamed = read("gallery", dict(healthy=[], faults={})), read("unnamed", dict(runs={}))

    def made(fault: str, seed: int) -> dict[str, list[float]]:
        if time.monotonic() - began > options.seconds:
            raise SystemExit("time is up: start again for the rest")
        before = time.process_time()
        curves = columns(record(fault, seed, reward_fn))
        ends = ", ".join(f"{key} {curves[key][-1]:.3g}" for key in ("score", "gold", "kl_nats", "value_loss"))
        print(f"{fault}, seed {seed}, {time.process_time() - before:.0f} s: {ends}", flush=True)
        return curves

    for seed in HEALTHY[len(gallery["healthy"]) :]:
        gallery["healthy"].append(made("healthy", seed))
        write("gallery", gallery)
    for fault in sorted(FAULTS.keys() - gallery["faults"].keys()):
        gallery["faults"][fault] = made(fault, FAULTY)
        write("gallery", gallery)
    for i, fault in enumerate(UNNAMED, start=1):
        if f"run_{i}" not in unnamed["runs"]:
            unnamed["runs"][f"run_{i}"] = made(fault, 10 + i)
            write("unnamed", unnamed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
