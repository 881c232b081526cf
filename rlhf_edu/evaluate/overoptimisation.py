"""How far is too far: gold reward against the distance from the reference, and the law that it follows.

Gao, Schulman and Hilton (2022), "Scaling laws for reward model overoptimization".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rlhf_edu.evaluate.bootstrap import Interval

FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "best_of_n": lambda d: d**2,
    "rl": lambda d: d * np.log(np.where(d > 0, d, 1.0)),
}


@dataclass(frozen=True)
class Law:
    """A fitted curve of gold reward (above the reference's) over d = √KL, with 95 % intervals."""

    form: str
    alpha: Interval  # best-of-n: the slope at the start; RL: gold at d = 1
    beta: Interval  # how soon the gain is eaten up
    peak_kl: Interval  # nats at which gold is highest; infinite where it never turns
    r_squared: float

    def __call__(self, kl_nats: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        """Gold reward at these distances."""
        d = np.sqrt(np.asarray(kl_nats, float))
        return self.alpha.value * d - self.beta.value * FORMS[self.form](d)

    def __str__(self) -> str:
        return f"{self.form}: α {self.alpha}, β {self.beta}, gold turns at {self.peak_kl} nats, R² {self.r_squared:.2f}"


def fit_law(
    kl_nats: Float[np.ndarray, " N"],
    gold: Float[np.ndarray, " M"],
    form: str,
    *,
    rng: np.random.Generator,
    runs: Int[np.ndarray, " N"] | None = None,
    resamples: int = 1000,
) -> Law:
    """Fit one of the two published forms by least squares; `gold` counts from the reference, so that it is 0 at KL 0.

    "best_of_n": R(d) = d (α − β d)         d = √KL        (Gao et al. 2022, section 1)
    "rl":        R(d) = d (α − β log d)

    Both are linear in α and β. Gold is highest at d = α/2β, and at d = exp(α/β − 1). Points of one run are not independent:
    say in `runs` which run each point is of, and whole runs are drawn for the intervals.
    """
    if form not in FORMS:
        raise ValueError(f'form is "{form}", but there are "best_of_n" and "rl"')
    kl, gold = np.asarray(kl_nats, float), np.asarray(gold, float)
    if kl.shape != gold.shape or kl.ndim != 1 or len(np.unique(kl[kl > 0])) < 3:
        raise ValueError(
            f"{kl.shape} distances and {gold.shape} rewards came, but a curve needs as many of each, at three or more distances"
        )
    if not (np.isfinite(kl).all() and np.isfinite(gold).all()) or (kl < 0).any():
        raise ValueError(
            "distances must be finite and 0 or more, rewards finite: average over more texts or drop the point"
        )
    runs = np.arange(len(kl)) if runs is None else np.asarray(runs)
    d = np.sqrt(kl)
    X = np.stack([d, -FORMS[form](d)], 1)
    fitted = least_squares(X, gold)
    groups = [np.flatnonzero(runs == run) for run in np.unique(runs)]
    drawn = []
    while len(drawn) < resamples:
        rows = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        if len(np.unique(kl[rows][kl[rows] > 0])) >= 2:  # two points at least, or the draw says nothing of a curve
            drawn.append(least_squares(X[rows], gold[rows]))
    table = np.array([[a, b, peak(form, a, b)] for a, b in drawn])
    low, high = np.quantile(table, [0.025, 0.975], axis=0, method="nearest")
    values = (*fitted, peak(form, *fitted))
    alpha, beta, top = (Interval(float(v), float(a), float(b)) for v, a, b in zip(values, low, high, strict=True))
    rest = gold - X @ np.array(fitted)
    return Law(form, alpha, beta, top, 1 - float(rest @ rest / max(1e-12, ((gold - gold.mean()) ** 2).sum())))


def least_squares(X: Float[np.ndarray, "N 2"], y: Float[np.ndarray, " N"]) -> tuple[float, float]:
    a, b = np.linalg.lstsq(X, y, rcond=None)[0]
    return float(a), float(b)


def peak(form: str, alpha: float, beta: float) -> float:
    """The KL in nats at which the curve is highest: (α/2β)², or exp(2α/β − 2). Infinite where β ≤ 0; 0 where α ≤ 0 already falls."""
    if form == "best_of_n":
        if alpha <= 0:
            return 0.0
        return (alpha / (2 * beta)) ** 2 if beta > 0 else math.inf
    return math.exp(min(700.0, 2 * alpha / beta - 2)) if beta > 0 else math.inf
