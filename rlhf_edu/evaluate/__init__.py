"""Honest numbers about policies: blind comparisons with intervals, rankings of several, and how far is too far."""

from rlhf_edu.evaluate.blind import Z95, WinRate, blind_test, distinct_n, kl_to_reference, win_rate
from rlhf_edu.evaluate.bootstrap import Interval, bootstrap
from rlhf_edu.evaluate.overoptimisation import Law, fit_law
from rlhf_edu.evaluate.ranking import Standing, bradley_terry_ratings, elo_ratings, rank_policies

__all__ = [
    "Z95",
    "Interval",
    "Law",
    "Standing",
    "WinRate",
    "blind_test",
    "bootstrap",
    "bradley_terry_ratings",
    "distinct_n",
    "elo_ratings",
    "fit_law",
    "kl_to_reference",
    "rank_policies",
    "win_rate",
]
