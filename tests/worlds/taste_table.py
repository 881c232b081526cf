"""How the gold tastes of the story world are spread: run `python tests/worlds/taste_table.py` to print the table.

For each taste: mean, standard deviation and quantiles over stories; how often two stories with one opening tie; how
often the best of 16 continuations (by the taste) beats a fresh one of the same opening. Then their correlations.
"""

import numpy as np

from rlhf_edu.worlds.stories import GOLD_TASTES, continuations

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def scores(n_openings: int, n_each: int, seed: int) -> np.ndarray:
    """Gold scores, shape (opening, continuation, taste)."""
    rng = np.random.default_rng(seed)
    told = [continuations(rng, n_each) for _ in range(n_openings)]
    return np.array([[[taste(text) for taste in GOLD_TASTES.values()] for text in texts] for texts in told])


def table(found: np.ndarray) -> dict[str, dict[str, float]]:
    """One row of numbers a taste; the last continuation of each opening is the fresh one, the first 16 compete."""
    rows = {}
    for k, name in enumerate(GOLD_TASTES):
        x = found[:, :, k]
        best, fresh = x[:, :16].max(1), x[:, -1]
        quantiles = dict(zip((f"q{100 * q:.0f}" for q in QUANTILES), np.quantile(x, QUANTILES), strict=True))
        ties, wins = (x[:, 0] == fresh).mean(), (best > fresh).mean()
        rows[name] = {"mean": x.mean(), "sd": x.std(), **quantiles, "ties": ties, "best16": wins}
    return rows


def correlations(found: np.ndarray) -> np.ndarray:
    return np.corrcoef(found.reshape(-1, found.shape[-1]).T)


if __name__ == "__main__":
    found = scores(n_openings=600, n_each=17, seed=0)
    for i, (name, row) in enumerate(table(found).items()):
        if i == 0:
            print(f"{'taste':14s}" + "".join(f"{column:>8s}" for column in row))
        print(f"{name:14s}" + "".join(f"{value:8.2f}" for value in row.values()))
    print("\ncorrelations")
    for name, row in zip(GOLD_TASTES, correlations(found), strict=True):
        print(f"{name:14s}" + "".join(f"{value:8.2f}" for value in row))
