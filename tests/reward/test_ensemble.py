"""Members that agree where they were taught and disagree where they were not."""

import numpy as np
import pytest
import tiny
import tiny_studio
import torch

from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.reward.ensemble import Ensemble, bootstrap, draw_anchors, fit_ensemble
from rlhf_edu.reward.fit import FitRewardConfig
from rlhf_edu.reward.labels import FIRST, SECOND, Labels
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.scorers import Numbers, Scorer
from rlhf_edu.reward.train import FitConfig, fit_preferences, pair_features

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


def test_members_of_one_posterior_keep_their_own_size():
    both = Ensemble([line(1.0, offset=4.0), line(3.0), line(-1.0)]).settle(X, one_unit=True)
    assert both.gain.tolist() == [both.gain[0].item()] * 3
    assert both.mean(X).std(correction=0).item() == pytest.approx(1)
    assert both.opinions(X).mean(1).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    raw = Ensemble([line(1.0), line(3.0), line(-1.0)]).spread(X - X.mean(0))
    assert both.spread(X).tolist() == pytest.approx((both.gain[0] * raw).tolist(), abs=1e-5)


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


def test_anchors_are_draws_from_the_prior_that_sum_to_nothing():
    heads = [ScalarHead(400) for _ in range(5)]
    draw_anchors(heads, prior=0.02, answers=10, rng=np.random.default_rng(0))
    w = torch.cat([head.linear.weight for head in heads]).detach()
    assert w.sum(0).abs().max() < 1e-5
    assert w.var(0).mean().item() == pytest.approx(
        1 / (2 * 0.02 * 10), rel=0.1
    )  # over M − 1: as if they had not been moved


def test_an_anchored_fit_ends_where_the_normal_equations_say():
    """With the squared loss (Δ·w − 1)² the weights are (ΔᵀΔ/P + λI)⁻¹ (Δᵀ1/P + λ w₀)."""
    model, tokenizer, texts = RewardModel(tiny.gpt2(1)), tiny_studio.tokenizer(), tiny_studio.openings(9, 1)
    pairs = [Pair(*some) for some in zip(texts[::3], texts[1::3], texts[2::3], strict=True)]
    model.settle(tiny.written(tiny.gpt2(1), seed=3, n=12))
    draw_anchors([model.head, ScalarHead(model.head.linear.in_features)], 0.1, 3, rng=np.random.default_rng(1))
    start = model.head.linear.weight[0].detach().double().clone()
    chosen, rejected = pair_features(model, tokenizer, pairs)
    gap = (model.standardise(chosen) - model.standardise(rejected)).double()
    for anchored in (True, False):
        squared = lambda a, b: (a - b - 1).square().mean()  # noqa: E731
        fit_preferences(
            model, tokenizer, pairs, FitConfig(steps=600, lr=0.05, prior=0.1), loss=squared, anchored=anchored
        ).run()
        left = gap.T @ gap / len(gap) + 0.1 * torch.eye(len(start)).double()
        right = gap.mean(0) + 0.1 * start * anchored
        assert torch.allclose(model.head.linear.weight[0].double(), torch.linalg.solve(left, right), atol=2e-3)


def three_measures(n: int) -> tuple[Labels, torch.Tensor]:
    """Choices by three measures, and the differences: the first varies, the second a little, the third never."""
    rng = np.random.default_rng(6)
    x = np.c_[rng.normal(size=60), 0.3 * rng.normal(size=60), np.zeros(60)].astype(np.float32)
    pairs = np.array([rng.choice(60, size=2, replace=False) for _ in range(n)])
    gap = torch.tensor(x[pairs[:, 0]] - x[pairs[:, 1]]).double()
    first = torch.tensor(rng.random(n)) < torch.sigmoid(gap @ torch.tensor([1.0, -1.0, 0.0]).double())
    return Labels(list(x), pairs=torch.tensor(pairs), outcome=torch.where(first, FIRST, SECOND)), gap


def test_members_with_a_sample_and_an_anchor_each_spread_as_the_posterior_does():
    """500 exact fits of `λ |w − w_m|²`, by Newton's method in double precision, against Laplace's covariance."""
    n, members, prior, rng = 400, 500, 0.001, np.random.default_rng(8)
    labels, gap = three_measures(n)
    chose = (labels.outcome == FIRST).double()
    heads = [ScalarHead(3) for _ in range(members)]
    draw_anchors(heads, prior, n, rng=rng)
    anchor = torch.cat([head.linear.weight for head in heads]).detach().double()
    count = torch.tensor(rng.multinomial(n, [1 / n] * n, size=members)).double()  # how often each answer is in a sample

    def fit(count, anchor):
        w, eye = torch.zeros_like(anchor), 2 * prior * n * torch.eye(3).double()
        for _ in range(20):
            p = torch.sigmoid(w @ gap.T)
            slope = (count * (p - chose)) @ gap + (w - anchor) @ eye
            curve = torch.einsum("mp,pi,pj->mij", count * p * (1 - p), gap, gap) + eye
            w = w - torch.linalg.solve(curve, slope)
        assert slope.abs().max() < 1e-8  # the minimum
        return w, curve

    _, curve = fit(torch.ones(1, n).double(), torch.zeros(1, 3).double())
    sigma = torch.linalg.inv(curve[0]).diagonal().sqrt()
    spread = fit(count, anchor)[0].std(0)
    assert spread.tolist() == pytest.approx(sigma.tolist(), rel=0.12)  # 500 draws: a standard error of 3 %
    assert sigma[2].item() == pytest.approx((2 * prior * n) ** -0.5)
    assert sigma[2] > 3 * sigma[0]
    same = fit(count, torch.zeros_like(anchor))[0].std(0)
    assert same[2] < 1e-9  # drawn to one point, all members are sure of what nobody asked


def test_an_anchored_ensemble_keeps_disagreeing_about_what_nobody_asked():
    labels, _ = three_measures(100)
    config, spread = FitRewardConfig(steps=40, lr=0.2), {}
    for anchored in (True, False):
        scorers = [Scorer(Numbers(), 3) for _ in range(6)]
        fit_ensemble(scorers, labels, config, rng=np.random.default_rng(7), anchored=anchored, settle=False).run()
        spread[anchored] = torch.cat([scorer.head[-1].linear.weight for scorer in scorers]).detach().std(0)
    drawn = [ScalarHead(3) for _ in range(6)]
    draw_anchors(drawn, config.prior, 100, rng=np.random.default_rng(7))
    before = torch.cat([head.linear.weight for head in drawn]).detach().std(0)
    assert spread[True][2].item() == pytest.approx(before[2].item(), rel=1e-4)
    assert spread[True][0] < 0.7 * before[0]
    assert spread[False][2] < 1e-4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Ensemble([line(1.0)]), "1 member came"),
        (lambda: Ensemble([line(1.0)] * 2, k=-1.0), r"k is -1\.0"),
        (lambda: draw_anchors([ScalarHead(2)] * 2, 0.0, 5, rng=np.random.default_rng(0)), r"prior is 0\.0"),
    ],
)
def test_what_makes_no_ensemble_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
