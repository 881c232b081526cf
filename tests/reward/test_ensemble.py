"""Members that agree where they were taught and disagree where they were not."""

import numpy as np
import pytest
import torch

from rlhf_edu.reward.ensemble import Ensemble, bootstrap, fit_ensemble
from rlhf_edu.reward.fit import FitRewardConfig
from rlhf_edu.reward.labels import FIRST, SECOND, Labels
from rlhf_edu.reward.scorers import Numbers, Scorer

X = torch.tensor([[0.0], [1.0], [2.0], [5.0]])


def line(slope: float, offset: float = 0.0):
    return lambda x: slope * x[:, 0] + offset


def test_mean_spread_and_bounds_by_hand():
    both = Ensemble([line(1.0), line(2.0), line(6.0)], k=2.0)
    assert both.mean(X).tolist() == [0, 3, 6, 15]
    expected = [float(np.std([x, 2 * x, 6 * x], ddof=1)) for x in (0, 1, 2, 5)]
    assert both.spread(X).tolist() == pytest.approx(expected)
    assert both(X).tolist() == pytest.approx([m - 2 * s for m, s in zip([0, 3, 6, 15], expected, strict=True)])
    assert both.lower(X, k=0).tolist() == both.mean(X).tolist()
    assert both.worst(X).tolist() == [0, 1, 2, 5]


def test_zero_and_unit_are_agreed_on_before_anybody_disagrees():
    both = Ensemble([line(1.0, offset=100.0), line(7.0, offset=-3.0)])
    assert both.spread(X).min() > 50  # about nothing: they rank all texts alike
    both.settle(X)
    assert both.spread(X).max() < 1e-4
    assert both.mean(X).mean().item() == pytest.approx(0, abs=1e-5)
    assert both.mean(X).std(correction=0).item() == pytest.approx(1)


def taught(seed: int, n: int = 80) -> Labels:
    """Choices by the first number; the second was always 0."""
    rng = np.random.default_rng(seed)
    x = np.c_[rng.normal(size=40), np.zeros(40)].astype(np.float32)
    x[0, 1] = 0.01
    pairs = rng.integers(40, size=(n, 2))
    first = rng.random(n) < 1 / (1 + np.exp(-2 * (x[pairs[:, 0], 0] - x[pairs[:, 1], 0])))
    return Labels(list(x), pairs=torch.tensor(pairs), outcome=torch.tensor(np.where(first, FIRST, SECOND)))


def test_members_disagree_most_where_nothing_was_asked():
    torch.manual_seed(0)
    scorers = [Scorer(Numbers(), 2, (16,), scale="all") for _ in range(3)]
    labels, config = taught(1), FitRewardConfig(steps=80, lr=0.03, prior=1e-3)
    records = fit_ensemble(scorers, labels, config, rng=np.random.default_rng(2)).run()
    assert [r["member"] for r in records] == [m for m in range(3) for _ in range(80)]
    both = Ensemble(scorers).settle(labels.items)
    with torch.no_grad():
        asked, far = both.spread(labels.items), both.spread([np.array([0.0, s], np.float32) for s in (-6, -4, 4, 6)])
        r = both.mean(labels.items)
    assert np.corrcoef(r, np.stack(labels.items)[:, 0])[0, 1] > 0.9
    assert far.mean() > 2 * asked.mean()


def test_a_bootstrap_draws_answers_with_replacement():
    labels, rng = taught(3), np.random.default_rng(4)
    again = [bootstrap(labels, rng) for _ in range(50)]
    known = {tuple(row) for row in torch.cat([labels.pairs, labels.outcome[:, None]], 1).tolist()}
    for sample in again:
        assert len(sample) == len(labels)
        assert {tuple(row) for row in torch.cat([sample.pairs, sample.outcome[:, None]], 1).tolist()} <= known
    different = np.mean([len({tuple(p) for p in sample.pairs.tolist()}) for sample in again])
    whole = len({tuple(p) for p in labels.pairs.tolist()})
    assert different / whole == pytest.approx(1 - np.exp(-1), abs=0.05)


def test_samples_that_teach_nothing_are_drawn_again():
    pair = torch.tensor([[0, 1], [0, 1]])
    labels = Labels([np.zeros(1, np.float32), np.ones(1, np.float32)], pairs=pair, outcome=torch.tensor([FIRST, 2]))
    scorers = [Scorer(Numbers(), 1) for _ in range(8)]  # a quarter of the samples would be two ties
    records = fit_ensemble(scorers, labels, FitRewardConfig(steps=1), rng=np.random.default_rng(5)).run()
    assert len(records) == 8


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda: Ensemble([line(1.0)]), "1 member came"), (lambda: Ensemble([line(1.0)] * 2, k=-1.0), r"k is -1\.0")],
)
def test_an_ensemble_of_one_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
