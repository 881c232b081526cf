"""Every loss computed another way: loops in plain floats, enumeration of all answers, integration, numeric gradients."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax
from scipy.stats import logistic

from rlhf_edu.reward import losses as L


def numbers(seed: int, *shape: int, size: float = 2.0) -> torch.Tensor:
    return size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def numeric_gradient(f, x: torch.Tensor, h: float = 1e-6) -> torch.Tensor:
    flat, out = x.detach().clone().flatten(), []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = h
        out.append((f((flat + step).view_as(x)) - f((flat - step).view_as(x))) / (2 * h))
    return torch.stack(out).view_as(x)


CUTS = torch.tensor([-1.5, 0.2, 1.9], dtype=torch.float64)
AS_FUNCTIONS_OF_REWARDS = {
    "bradley_terry": lambda r: L.bradley_terry(r[0], r[1]),
    "margin": lambda r: L.margin_bradley_terry(r[0], r[1], 0.7),
    "noisy": lambda r: L.noisy_bradley_terry(r[0], r[1], 0.1),
    "davidson": lambda r: L.davidson(r[0], r[1], torch.tensor([0, 1, 2, 2]), 0.3),
    "edits": lambda r: L.edit_preference(r[0], r[1], torch.tensor([0.1, 0.9, 0.0, 0.5]).double()),
    "plackett_luce": lambda r: L.plackett_luce(r),
    "ragged top 2": lambda r: L.plackett_luce(r, torch.tensor([3, 4]), top=2),
    "squared": lambda r: L.squared_error(r[0], r[1]),
    "ordinal": lambda r: L.ordinal(r[0], torch.tensor([0, 3, 1, 2]), CUTS),
    "classes": lambda r: L.classification(r, torch.tensor([3, 0])),
}


@pytest.mark.parametrize("name", AS_FUNCTIONS_OF_REWARDS)
def test_gradients_are_those_of_small_steps(name):
    f, r = AS_FUNCTIONS_OF_REWARDS[name], numbers(1, 2, 4).requires_grad_()
    f(r).backward()
    assert r.grad.abs().max() > 1e-3
    assert torch.allclose(r.grad, numeric_gradient(f, r), atol=1e-6)


@pytest.mark.parametrize("name", AS_FUNCTIONS_OF_REWARDS)
def test_losses_and_gradients_stay_finite_at_extreme_rewards(name):
    r = torch.tensor([[300.0, -300.0, 250.0, -250.0], [-300.0, 300.0, 0.0, 0.0]], requires_grad=True)
    loss = AS_FUNCTIONS_OF_REWARDS[name](r)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(r.grad).all()


def test_a_margin_is_a_head_start_for_the_worse_one():
    a, b, m = numbers(2, 9), numbers(3, 9), numbers(4, 9).abs()
    assert torch.allclose(L.margin_bradley_terry(a, b, m), L.bradley_terry(a, b + m))
    assert torch.allclose(L.margin_bradley_terry(a, b, 0.0), L.bradley_terry(a, b))


def test_lapses_by_plain_arithmetic():
    a, b = numbers(5, 9), numbers(6, 9)
    p = 0.8 * expit((a - b).numpy()) + 0.1
    assert L.noisy_bradley_terry(a, b, 0.2).item() == pytest.approx(-np.log(p).mean())
    assert torch.allclose(L.noisy_bradley_terry(a, b, 0.0), L.bradley_terry(a, b))
    far = torch.tensor([1000.0])
    assert L.noisy_bradley_terry(-far, far, 0.1).item() == pytest.approx(
        -math.log(0.05)
    )  # a slip costs no more than that
    with pytest.raises(ValueError, match=r"lapse is 1\.0"):
        L.noisy_bradley_terry(a, b, 1.0)


def davidson_by_strengths(a: float, b: float, nu: float) -> list[float]:
    """As Davidson writes it: with strengths π, not rewards."""
    x, y = math.exp(a), math.exp(b)
    whole = x + y + nu * math.sqrt(x * y)
    return [x / whole, y / whole, nu * math.sqrt(x * y) / whole]


def test_ties_by_strengths():
    a, b, nu = numbers(7, 3), numbers(8, 3), 0.6
    for outcome in range(3):
        expected = [
            -math.log(davidson_by_strengths(x, y, nu)[outcome]) for x, y in zip(a.tolist(), b.tolist(), strict=True)
        ]
        found = L.davidson(a, b, torch.full((3,), outcome), math.log(nu))
        assert found.item() == pytest.approx(sum(expected) / 3)


def test_ties_leave_the_odds_of_the_wins_alone_and_none_is_bradley_terry():
    a, b = numbers(9, 6), numbers(10, 6)
    win = L.davidson(a, b, torch.zeros(6).long(), 1.2) - L.davidson(a, b, torch.ones(6).long(), 1.2)
    assert win.item() == pytest.approx((b - a).mean().item())
    assert torch.allclose(L.davidson(a, b, torch.zeros(6).long(), -50.0), L.bradley_terry(a, b))
    zero, tie = torch.zeros(1), torch.tensor([2])
    assert L.davidson(zero, zero, tie, math.log(2.0)).item() == pytest.approx(math.log(2))  # ν/(2 + ν) = 1/2


def test_edits_are_a_weighted_mean_of_surprises():
    a, b, w = numbers(11, 5), numbers(12, 5), torch.tensor([0.0, 0.2, 1.0, 0.5, 0.3]).double()
    surprise = [-math.log(expit(x - y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert L.edit_preference(a, b, w).item() == pytest.approx(np.average(surprise, weights=w.numpy()))
    assert torch.allclose(L.edit_preference(a, b, torch.ones(5)), L.bradley_terry(a, b))
    with pytest.raises(ValueError, match="no edit changed anything"):
        L.edit_preference(a, b, torch.zeros(5))


def pl_by_loops(order: list[float], top: int) -> float:
    p = 1.0
    for k in range(min(top, len(order))):
        p *= math.exp(order[k]) / sum(map(math.exp, order[k:]))
    return p


def test_plackett_luce_by_loops_and_over_all_orders():
    r = numbers(13, 4)
    orders = list(permutations(range(4)))
    found = torch.stack([torch.exp(-L.plackett_luce(r[list(o)][None])) for o in orders])
    assert found.tolist() == pytest.approx([pl_by_loops(r[list(o)].tolist(), 4) for o in orders])
    assert found.sum().item() == pytest.approx(1.0)


def test_top_k_is_the_sum_over_all_orders_of_the_rest():
    r = numbers(14, 5)
    first = [3, 0]
    whole = [first + list(rest) for rest in permutations([1, 2, 4])]
    total = sum(torch.exp(-L.plackett_luce(r[o][None])).item() for o in whole)
    for o in whole:
        assert torch.exp(-L.plackett_luce(r[o][None], top=2)).item() == pytest.approx(total)


def test_rankings_are_won_races():
    """Luce (1959), Yellott (1977): add Gumbel noise to the rewards and sort."""
    r = np.array([1.0, 0.0, -0.5])
    races = np.argsort(-(r + np.random.default_rng(0).gumbel(size=(200_000, 3))), axis=1)
    for order in permutations(range(3)):
        share = (races == np.array(order)).all(1).mean()
        p = torch.exp(-L.plackett_luce(torch.tensor(r[list(order)])[None])).item()
        assert share == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 200_000))


def test_short_rankings_stand_beside_long_ones():
    long, short = numbers(15, 4), numbers(16, 2)
    table = torch.stack([long, torch.cat([short, torch.tensor([99.0, -99.0])])])
    expected = (L.plackett_luce(long[None]) + L.plackett_luce(short[None])) / 2
    assert torch.allclose(L.plackett_luce(table, torch.tensor([4, 2])), expected)
    assert torch.allclose(L.plackett_luce(short[None]), L.bradley_terry(short[:1], short[1:]))


@pytest.mark.parametrize(
    ("table", "sizes", "top", "words"),
    [((2, 1), None, None, "at least two"), ((2, 3), [3, 1], None, "at least two"), ((1, 3), None, 0, "top is 0")],
)
def test_rankings_that_rank_nothing_are_refused(table, sizes, top, words):
    with pytest.raises(ValueError, match=words):
        L.plackett_luce(torch.zeros(table), None if sizes is None else torch.tensor(sizes), top)


def test_the_squared_error_is_least_at_the_mean_rating():
    scores = torch.tensor([1.0, 4.0, 4.0, 5.0])
    at = {r: L.squared_error(torch.full((4,), r), scores).item() for r in (3.0, 3.5, 4.0)}
    assert at[3.5] == pytest.approx(np.var([1, 4, 4, 5]))
    assert at[3.5] < min(at[3.0], at[4.0])


def test_levels_are_slices_of_a_noisy_reward():
    """The rating is k when reward + logistic noise falls between cuts k−1 and k: integrate the density over the slice."""
    edges = [-math.inf, *CUTS.tolist(), math.inf]
    for r in (-2.0, 0.3, 4.0):
        found = L.level_logp(torch.tensor([r], dtype=torch.float64), CUTS).exp()[0]
        x = np.linspace(-60, 60, 2_400_001)
        density = logistic.pdf(x, loc=r)
        for k in range(4):
            inside = (x > edges[k]) & (x <= edges[k + 1])
            assert found[k].item() == pytest.approx(density[inside].sum() * (x[1] - x[0]), abs=1e-4)
        assert found.sum().item() == pytest.approx(1.0)


def test_unlikely_levels_keep_their_digits_in_single_precision():
    found = L.level_logp(torch.tensor([40.0]), CUTS.float())[0, 1]
    assert found.item() == pytest.approx(math.log(math.exp(0.2) - math.exp(-1.5)) - 40, abs=1e-3)  # e^(c−r) in the tail


def test_two_levels_are_logistic_regression():
    r, y = numbers(17, 8), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1])
    expected = -np.log(np.where(y, expit(r.numpy() - 0.4), expit(0.4 - r.numpy()))).mean()
    assert L.ordinal(r, y, torch.tensor([0.4]).double()).item() == pytest.approx(expected)


def test_classes_by_softmax():
    z, y = numbers(18, 5, 3), torch.tensor([0, 2, 1, 1, 0])
    assert L.classification(z, y).item() == pytest.approx(-log_softmax(z.numpy(), axis=1)[range(5), y].mean())


def test_levels_off_the_scale_and_cuts_out_of_order_are_refused():
    r = torch.zeros(2)
    with pytest.raises(ValueError, match=r"ratings run from level 0 to 4, but this scale has 4 levels"):
        L.ordinal(r, torch.tensor([0, 4]), CUTS.float())
    with pytest.raises(ValueError, match=r"level -1 to 0"):
        L.classification(torch.zeros(2, 3), torch.tensor([-1, 0]))
    for cuts in ([], [1.0, 1.0], [1.0, 0.0]):
        with pytest.raises(ValueError, match="ascending"):
            L.ordinal(r, torch.tensor([0, 1]), torch.tensor(cuts))
    with pytest.raises(ValueError, match=r"outcome holds \[0, 3\]"):
        L.davidson(r, r, torch.tensor([0, 3]), 0.0)
