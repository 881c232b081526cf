"""Learning from choices: the loss by loops, the fit against another optimiser, and people who say nothing or contradict themselves."""

import math

import numpy as np
import pytest
import tiny
import tiny_studio
import torch
from scipy.optimize import minimize

from rlhf_edu.feedback.types import Pair, Preference, to_pairs
from rlhf_edu.reward.losses import bradley_terry
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.train import FitConfig, fit_preferences, pair_features, split_by_prompt

POLICY, TOKENIZER = tiny.gpt2(1), tiny_studio.tokenizer()


def fresh() -> RewardModel:
    return RewardModel(POLICY).settle(tiny.written(POLICY, seed=2, n=40))


def choices(n: int, seed: int) -> list[Pair]:
    """The text with smaller numbers in it is always the better one."""
    rng, pairs = np.random.default_rng(seed), []
    while len(pairs) < n:
        prompt, a, b = ("".join(rng.choice(tiny_studio.WORDS, size=k)) for k in (2, 6, 6))
        if abs(tiny_studio.low(a) - tiny_studio.low(b)) > 0.05:
            pairs.append(Pair(prompt, *sorted((a, b), key=tiny_studio.low, reverse=True)))
    return pairs


def opinion(model: RewardModel, pair: Pair) -> float:
    chosen, rejected = pair_features(model, TOKENIZER, [pair])
    return (model.reward(chosen) - model.reward(rejected)).item()


def test_the_loss_is_a_mean_of_surprises_written_as_a_loop():
    g = torch.Generator().manual_seed(1)
    chosen, rejected = 3 * torch.randn(20, generator=g), 3 * torch.randn(20, generator=g)
    total = sum(math.log(1 + math.exp(-(a - b))) for a, b in zip(chosen.tolist(), rejected.tolist(), strict=True))
    assert bradley_terry(chosen, rejected).item() == pytest.approx(total / 20, abs=1e-5)
    assert bradley_terry(chosen + 5, rejected + 5).item() == pytest.approx(total / 20, abs=1e-5)


def test_the_loss_has_the_right_sign():
    good, bad = torch.tensor([2.0]), torch.tensor([0.0])
    assert bradley_terry(good, bad).item() == pytest.approx(0.126928, abs=1e-5)  # −log σ(2)
    assert bradley_terry(bad, good).item() == pytest.approx(2.126928, abs=1e-5)
    assert bradley_terry(bad, bad).item() == pytest.approx(math.log(2))
    x, y = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    bradley_terry(x, y).backward()
    assert x.grad.item() == pytest.approx(-0.5)  # descent raises the chosen one
    assert y.grad.item() == pytest.approx(0.5)


def test_a_certain_choice_neither_overflows_nor_vanishes():
    far = torch.tensor([500.0])
    assert bradley_terry(far, -far).item() == 0.0
    assert bradley_terry(-far, far).item() == pytest.approx(1000.0)


def test_the_fit_reaches_the_minimum_that_another_optimiser_finds():
    """The loss is convex in w and b, so scipy's BFGS on float64 copies of the features finds the one minimum."""
    model, pairs, prior = fresh(), choices(30, 3), 0.02
    x, y = (
        (f - model.centre).double().numpy() / model.scale.double().numpy()
        for f in pair_features(model, TOKENIZER, pairs)
    )

    def cost(w):
        return np.logaddexp(0, -(x - y) @ w).mean() + prior * w @ w

    best = minimize(cost, np.zeros(x.shape[1]), method="BFGS").fun
    fit_preferences(model, TOKENIZER, pairs, FitConfig(steps=300, lr=0.2, prior=prior)).run()
    assert cost(model.head.linear.weight[0].detach().double().numpy()) == pytest.approx(best, rel=0.01)


def test_it_learns_a_taste_and_judges_texts_it_has_not_seen():
    model = fresh()
    records = fit_preferences(model, TOKENIZER, choices(200, 4), FitConfig(prior=0.001)).run()
    assert records[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)  # it starts without an opinion
    assert records[-1]["loss"] < 0.6
    assert records[-1]["accuracy"] > 0.7
    right = [opinion(model, pair) > 0 for pair in choices(100, 5)]
    assert sum(right) >= 65


def test_swapped_labels_give_the_opposite_opinion():
    models = []
    for swap in (False, True):
        models.append(fresh())
        pairs = [Pair(p, y, x) if swap else Pair(p, x, y) for p, x, y in choices(20, 6)]
        fit_preferences(models[-1], TOKENIZER, pairs).run()
    a, b = (m.head.linear.weight for m in models)
    assert torch.allclose(a, -b, atol=1e-4)
    assert a.abs().sum() > 0.1


def test_only_the_head_learns():
    model = fresh()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    fit_preferences(model, TOKENIZER, choices(10, 7), FitConfig(steps=3)).run()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert "head.linear.weight" in changed
    assert changed <= {"head.linear.weight", "head.linear.bias"}


def test_a_stronger_prior_keeps_the_opinion_smaller():
    sizes = []
    for prior in (0.0001, 0.01, 1.0):
        model = fresh()
        fit_preferences(model, TOKENIZER, choices(20, 8), FitConfig(prior=prior)).run()
        sizes.append(model.head.linear.weight.norm().item())
    assert sizes[0] > 1.5 * sizes[1]
    assert sizes[1] > 2 * sizes[2]


def test_two_contradictory_labels_leave_no_opinion():
    model = fresh()
    pair = Pair(" w3", " w4 w5 w6", " w20 w21 w22")
    records = fit_preferences(model, TOKENIZER, [pair, Pair(pair.prompt, pair.worse, pair.better)]).run()
    assert opinion(model, pair) == pytest.approx(0.0, abs=1e-4)
    assert records[-1]["loss"] == pytest.approx(math.log(2), abs=1e-4)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [Preference(" w3", " w4", " w5", choice="tie")] * 5,
        [Preference(" w3", " w4", " w4", choice="a")],
        [Preference(" w3", " w4" * 60 + " w5", " w4" * 60 + " w6", choice="a")],  # equal in what the model can read
    ],
)
def test_labels_that_say_nothing_are_refused_in_words(records):
    with pytest.raises(ValueError, match=r"none of the \d+ labels says which of two texts is better"):
        next(fit_preferences(fresh(), TOKENIZER, to_pairs(records)))


def test_pairs_equal_after_truncation_are_dropped_and_the_others_kept():
    long = " w4" * 60
    pairs = [Pair(" w3", long + " w5", long), Pair(" w3", " w4", " w5"), Pair(" w3", " w5" + long, long)]
    chosen, rejected = pair_features(fresh(), TOKENIZER, pairs)
    assert len(chosen) == len(rejected) == 2
    assert next(fit_preferences(fresh(), TOKENIZER, pairs))["pairs"] == 2


def test_texts_are_read_as_the_policy_would_have_ended_them():
    model, pair = fresh(), Pair(" w3", " w4 w5", " w6")
    chosen, _ = pair_features(model, TOKENIZER, [pair])
    ids = torch.tensor([[3, 4, 5, tiny.EOS]])
    assert torch.allclose(chosen, model.features(ids, torch.ones_like(ids, dtype=torch.bool)), atol=1e-5)


def test_a_loss_of_your_own_is_used():
    given = []

    def loss(chosen, rejected):
        given.append(len(chosen))
        return (rejected - chosen).mean()

    record = next(fit_preferences(fresh(), TOKENIZER, choices(9, 9), loss=loss))
    assert given == [9]
    assert record["loss"] == 0.0


def test_learning_and_testing_share_no_prompt():
    pairs = [Pair(f" w{3 + i % 10}", f" w{i % 7 + 3}", " w20") for i in range(50)]
    learn, test = split_by_prompt(pairs, 0.3, np.random.default_rng(1))
    assert not {p.prompt for p in learn} & {p.prompt for p in test}
    assert sorted(learn + test) == sorted(pairs)
    assert len({p.prompt for p in test}) == 3
    assert split_by_prompt(pairs, 0.3, np.random.default_rng(1)) == (learn, test)
    assert split_by_prompt(pairs, 0.3, np.random.default_rng(2)) != (learn, test)


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_split_needs_something_on_both_sides(share):
    with pytest.raises(ValueError, match="share"):
        split_by_prompt(choices(5, 1), share, np.random.default_rng(1))
    with pytest.raises(ValueError, match="1 prompt"):
        split_by_prompt([Pair(" w3", " w4", " w5")] * 3, 0.5, np.random.default_rng(1))


@pytest.mark.parametrize(("settings", "words"), [(dict(steps=0), "steps is 0"), (dict(prior=-1.0), "prior is -1")])
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        FitConfig(**settings)
