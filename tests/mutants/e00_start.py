"""Wrong answers that exercise 00 must reject, and right ones, written differently, that it must accept."""

import math

import numpy as np


def swapped(r_a, r_b):
    return np.exp(r_b) / (np.exp(r_a) + np.exp(r_b))


def softmax_by_column(r_a, r_b):
    weights = np.exp(np.stack([r_a, r_b]))
    return weights[0] / weights[0].sum()


def tanh_for_sigma(r_a, r_b):
    return np.tanh(r_a - r_b)


def half_the_gap(r_a, r_b):
    return 0.5 * (1 + np.tanh(r_a - r_b))


def first_pair_only(r_a, r_b):
    return 1 / (1 + np.exp(-(r_a[0] - r_b[0])))


def overflow(r_a, r_b):
    e = np.exp(r_a - r_b)
    return e / (1 + e)


def clipped_to_zero(r_a, r_b):
    return np.clip(r_a - r_b, 0, 1)


def log_probability(r_a, r_b):
    return -np.log1p(np.exp(r_b - r_a))


def mean_probability(r_a, r_b):
    return np.full(len(r_a), np.mean(1 / (1 + np.exp(r_b - r_a))))


def in_place(r_a, r_b):
    """Remembers its last answer and gives it again."""
    in_place.last = getattr(in_place, "last", None)
    answer = 1 / (1 + np.exp(r_b - r_a)) if in_place.last is None else in_place.last
    in_place.last = answer
    return answer


def by_tanh(r_a, r_b):
    return 0.5 * (1 + np.tanh((r_a - r_b) / 2))


def one_by_one(r_a, r_b):
    def sigma(z):
        return 1 / (1 + math.exp(-z)) if z > 0 else 1 - 1 / (1 + math.exp(z))

    return np.array([sigma(float(a) - float(b)) for a, b in zip(r_a, r_b, strict=True)])


def by_logaddexp(r_a, r_b):
    return np.exp(r_a - np.logaddexp(r_a, r_b))


def jitter(obs):
    return np.random.default_rng().choice([-1, 1], size=len(obs))


LONG = (
    "I like stories that end on a small surprise, because then I think about them again later. Others want to see the "
    "ending coming. Of two stories I look at the last sentence: could I have guessed it from the one before? If not, "
    "and if it still fits what the hero wanted, that one is better. A model could learn to end stories with something "
    "unrelated, such as a moon that falls into the soup, and I would have to prefer it."
)

MUTANTS = {
    "preference": {
        "swapped": swapped,
        "softmax over the wrong axis": softmax_by_column,
        "tanh": tanh_for_sigma,
        "twice the gap": half_the_gap,
        "first pair only": first_pair_only,
        "overflow": overflow,
        "clipped gap": clipped_to_zero,
        "log-probability": log_probability,
        "mean of all": mean_probability,
        "remembers": in_place,
        "no_exponential": lambda r_a, r_b: np.divide(r_a, np.add(r_a, r_b)),
        "hard": lambda r_a, r_b: np.where(r_a > r_b, 1.0, 0.0),
    },
    "gap": {
        "sign": -1.9924,
        "no_logarithm": 7.3333,
        "the probability": 0.88,
        "the percentage": 88,
        "one decimal": 2.0,
        "text": "1.99",
        "a list": [1.99],
        "nan": float("nan"),
    },
    "shift": {
        "everything": "a b c d",
        "probability only": "a",
        "loss only": "b",
        "best only": "d",
        "without the best": "a b",
        "the one that changes": "c",
        "no letter of these": "e",
        "a number": 3,
        "nothing": "",
    },
    "falling_loss": {
        "too fast, seen in the loss": {"fault": "a", "evidence": "loss"},
        "learnt by heart": {"fault": "c", "evidence": "fresh"},
        "noise": {"fault": "d", "evidence": "fresh"},
        "right fault, wrong curve": {"fault": "b", "evidence": "fresh"},
        "right curve, wrong fault": {"fault": "c", "evidence": "train"},
        "fault alone": {"fault": "b"},
        "a letter": "b",
        "a list": ["b", "train"],
    },
    "corridor": {
        "away": lambda obs: np.where(obs[:, 0] > obs[:, 1], 1, -1),
        "always_right": lambda obs: np.ones(len(obs), dtype=int),
        "at random": jitter,
        "rounded half": lambda obs: np.where(obs[:, 1] >= 5, 1, -1),
        "for one corridor": lambda obs: np.sign(obs[0, 1] - obs[0, 0]),
        "same for all": lambda obs: np.full(len(obs), np.sign(obs[0, 1] - obs[0, 0])),
        "not a number": lambda obs: np.full(len(obs), np.nan),
    },
    "taste": {
        "nothing": "",
        "the stub": "YOUR ANSWER HERE",
        "one sentence": "I like happy endings, because they are happy.",
        "one word": "good " * 80,
        "far too long": LONG * 5,
        "a number": 12,
    },
}

ALTERNATIVES = {
    "preference": {"by tanh": by_tanh, "one by one": one_by_one, "by logaddexp": by_logaddexp},
    "gap": {
        "math.log": math.log(0.88 / 0.12),
        "two decimals": 1.99,
        "NumPy": np.log(88) - np.log(12),
        "32 bit": np.float32(1.9924),
    },
    "shift": {"letters": "abd", "list": ["d", "a", "b"], "capitals": "A, B, D"},
    "falling_loss": {"as asked": {"fault": "b", "evidence": "train"}, "dressed": {"evidence": "Train", "fault": "(B)"}},
    "corridor": {
        "sign": lambda obs: np.sign(obs[:, 1] - obs[:, 0]),
        "a loop": lambda obs: np.array([1 if flag > place else -1 for place, flag in obs]),
        "gap as the action": lambda obs: obs[:, 1] - obs[:, 0],
    },
    "taste": {"an essay": LONG, "an essay after the stub": "YOUR ANSWER HERE\n\n" + LONG},
}
