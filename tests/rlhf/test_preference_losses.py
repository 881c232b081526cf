"""The DPO family against loops over pairs in double precision, on paper, and where each loss stops pushing."""

import math
from functools import partial

import pytest
import torch

from rlhf_edu.rlhf.preference import (
    AnswerLogps,
    conservative_dpo,
    dpo,
    ipo,
    kto,
    log_odds,
    margin,
    orpo,
    simpo,
)

P = 6
PAIRWISE = [dpo, conservative_dpo, ipo, orpo, simpo]


def answers(seed: int, **changes) -> AnswerLogps:
    g = torch.Generator().manual_seed(seed)
    n = torch.randint(2, 9, (2 * P,), generator=g).float()
    logp, ref = (-n * (0.2 + torch.rand(2 * P, generator=g)) for _ in range(2))
    good = torch.arange(2 * P) < P
    return AnswerLogps(**dict(logp=logp, logp_ref=ref, n=n, good=good, kl=lambda: torch.tensor(0.3)) | changes)


def pairs(a: AnswerLogps):
    """(log π_w, log ref_w, n_w, log π_l, log ref_l, n_l) of each pair, as plain numbers."""
    rows = list(zip(a.logp.tolist(), a.logp_ref.tolist(), a.n.tolist(), strict=True))
    return [(*rows[i], *rows[i + P]) for i in range(P)]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def slow_dpo(a, beta):
    return mean(-math.log(sigmoid(beta * ((w - rw) - (l - rl)))) for w, rw, _, l, rl, _ in pairs(a))


def slow_conservative(a, beta, eps):
    ps = [sigmoid(beta * ((w - rw) - (l - rl))) for w, rw, _, l, rl, _ in pairs(a)]
    return mean(-(1 - eps) * math.log(p) - eps * math.log(1 - p) for p in ps)


def slow_ipo(a, beta, per_token=False):
    total = 0.0
    for w, rw, nw, l, rl, nl in pairs(a):
        h = (
            (w - rw) / nw - (l - rl) / nl
            if per_token
            else math.log(math.exp(w) * math.exp(rl) / math.exp(l) / math.exp(rw))
        )
        total += (h - 1 / (2 * beta)) ** 2
    return total / P


def slow_kto(a, beta, up, down, z):
    total = 0.0
    for w, rw, good in zip(a.logp.tolist(), a.logp_ref.tolist(), a.good.tolist(), strict=True):
        gain = w - rw
        total += up * (1 - sigmoid(beta * (gain - z))) if good else down * (1 - sigmoid(beta * (z - gain)))
    return total / len(a.good)


def slow_orpo(a, lam):
    total = 0.0
    for w, _, nw, l, _, nl in pairs(a):
        pw, pl = math.exp(w / nw), math.exp(l / nl)
        odds = (pw / (1 - pw)) / (pl / (1 - pl))
        total += -w / nw - lam * math.log(sigmoid(math.log(odds)))
    return total / P


def slow_simpo(a, beta, gamma):
    return mean(-math.log(sigmoid(beta * w / nw - beta * l / nl - gamma)) for w, _, nw, l, _, nl in pairs(a))


@pytest.mark.parametrize("seed", range(4))
def test_each_loss_is_the_formula_of_its_paper(seed):
    a = answers(seed)
    for beta in (0.1, 0.7, 2.0):
        assert dpo(a, beta).item() == pytest.approx(slow_dpo(a, beta), rel=1e-4)
        assert conservative_dpo(a, beta, 0.2).item() == pytest.approx(slow_conservative(a, beta, 0.2), rel=1e-4)
        assert ipo(a, beta).item() == pytest.approx(slow_ipo(a, beta), rel=1e-4)
        assert ipo(a, beta, per_token=True).item() == pytest.approx(slow_ipo(a, beta, True), rel=1e-4)
        assert kto(a, beta, 1.2, 0.9).item() == pytest.approx(slow_kto(a, beta, 1.2, 0.9, 0.3), rel=1e-4)
        assert orpo(a, beta).item() == pytest.approx(slow_orpo(a, beta), rel=1e-4)
        assert simpo(a, beta, 0.5).item() == pytest.approx(slow_simpo(a, beta, 0.5), rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "slow"),
    [
        (partial(dpo, beta=0.5), lambda a: slow_dpo(a, 0.5)),
        (partial(conservative_dpo, beta=0.5), lambda a: slow_conservative(a, 0.5, 0.1)),
        (partial(ipo, beta=0.5), lambda a: slow_ipo(a, 0.5)),
        (partial(kto, beta=0.5), lambda a: slow_kto(a, 0.5, 1.0, 1.0, 0.3)),
        (partial(orpo, beta=0.5), lambda a: slow_orpo(a, 0.5)),
        (partial(simpo, beta=2.0), lambda a: slow_simpo(a, 2.0, 1.0)),
    ],
)
def test_gradients_are_those_of_the_loop_and_every_loss_pulls_the_right_way(loss, slow):
    a = answers(7)
    x = a.logp.clone().requires_grad_(True)
    (grad,) = torch.autograd.grad(loss(answers(7, logp=x)), x)
    eps = 1e-4
    for i in range(2 * P):
        nudge = torch.zeros(2 * P, dtype=torch.double)
        nudge[i] = eps
        up, down = (slow(answers(7, logp=a.logp.double() + sign * nudge)) for sign in (1, -1))
        assert grad[i].item() == pytest.approx((up - down) / (2 * eps), abs=2e-4)
    if loss.func not in (ipo, conservative_dpo):  # these two pull back what has gone past their goal
        assert (grad[:P] < 0).all()  # descent makes chosen answers likelier …
        assert (grad[P:] > 0).all()  # … and rejected ones less likely


def test_before_training_dpo_knows_nothing_and_is_log_2():
    a = answers(1)
    same = answers(1, logp_ref=a.logp)
    assert dpo(same).item() == pytest.approx(math.log(2))
    assert conservative_dpo(same).item() == pytest.approx(math.log(2))
    assert kto(answers(1, logp_ref=a.logp, kl=lambda: torch.tensor(0.0))).item() == pytest.approx(0.5)
    assert ipo(same, 0.1).item() == pytest.approx(25.0)  # the margin to hit is 1/(2 · 0.1) = 5 nats


def moved(m: float):
    """One pair whose margin is m, with a gradient."""
    x = torch.tensor([m, 0.0], requires_grad=True)
    return x, AnswerLogps(x, torch.zeros(2), torch.ones(2), torch.tensor([True, False]), kl=lambda: torch.tensor(0.0))


def test_where_each_loss_is_content():
    """DPO never is; conservative DPO at σ(βm) = 1 − ε; IPO at m = 1/(2τ); both pull back beyond."""
    for loss, rest in ((conservative_dpo, math.log(0.9 / 0.1) / 0.1), (ipo, 5.0)):
        for m, sign in ((rest - 1, -1), (rest, 0), (rest + 1, 1)):
            x, a = moved(m)
            (grad,) = torch.autograd.grad(loss(a), x)
            assert grad[0].item() == pytest.approx(0, abs=1e-5) if sign == 0 else grad[0].item() * sign > 1e-5
    x, a = moved(80.0)
    assert torch.autograd.grad(dpo(a), x)[0][0] < 0


def test_the_optimum_of_dpo_is_the_policy_that_the_reward_asks_for():
    """Four answers, comparisons in Bradley-Terry proportions of a known reward: minimising DPO gives π_ref exp(r/β)/Z."""
    beta, r = 0.5, torch.tensor([1.0, 0.0, -0.5, 0.3], dtype=torch.double)
    ref = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.double).log()
    i, j = torch.tensor([(i, j) for i in range(4) for j in range(4) if i != j]).T
    weight = torch.sigmoid(r[i] - r[j])
    logits = torch.zeros(4, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10)

    def closure():
        optimizer.zero_grad()
        logp = logits.log_softmax(0)
        total = torch.zeros((), dtype=torch.double)
        for a, b, w in zip(i, j, weight, strict=True):
            pair = torch.stack([a, b])
            one = AnswerLogps(logp[pair], ref[pair], torch.ones(2), torch.tensor([True, False]))
            total = total + w * dpo(one, beta)
        total.backward()
        return total

    optimizer.step(closure)
    best = (ref + r / beta).log_softmax(0)
    assert torch.allclose(logits.log_softmax(0), best, atol=1e-4)


def test_log_odds_keeps_its_digits_where_a_text_is_nearly_sure():
    x = torch.tensor([-1e-4, -0.5, -20.0])
    expected = [math.log(math.exp(v) / -math.expm1(v)) for v in x.double().tolist()]
    assert log_odds(x).tolist() == pytest.approx(expected, rel=1e-4)
    assert torch.isfinite(log_odds(torch.tensor([0.0])))


def test_no_gradient_flows_through_the_reference_point_of_kto():
    z = torch.tensor(0.4, requires_grad=True)
    x = answers(2).logp.clone().requires_grad_(True)
    kto(answers(2, logp=x, kl=lambda: z)).backward()
    assert z.grad is None
    negative = kto(answers(2, kl=lambda: torch.tensor(-3.0)))
    assert negative.item() == pytest.approx(
        kto(answers(2, kl=lambda: torch.tensor(0.0))).item()
    )  # a KL is never below 0


def test_kto_reads_answers_without_partners_and_the_others_say_that_they_do_not():
    a = answers(3, good=torch.arange(2 * P) % 3 == 0, paired=False)
    assert kto(a, 0.5).item() == pytest.approx(slow_kto(a, 0.5, 1, 1, 0.3), rel=1e-4)
    for loss in PAIRWISE:
        with pytest.raises(ValueError, match="4 good and 8 bad answers came without partners"):
            loss(a)


@pytest.mark.parametrize("loss", [*PAIRWISE, kto])
@pytest.mark.parametrize("beta", [0.0, -0.1, float("nan"), float("inf")])
def test_a_beta_that_makes_no_sense_is_refused(loss, beta):
    with pytest.raises(ValueError, match=r"beta is .*, but it must be positive and finite"):
        loss(answers(1), beta)


def test_other_settings_that_make_no_sense_are_refused():
    for call, words in (
        (lambda: conservative_dpo(answers(1), 0.1, 0.5), "flipped is 0.5"),
        (lambda: simpo(answers(1), 2.0, -1.0), "gamma is -1.0"),
        (lambda: kto(answers(1), 0.1, weight_bad=0.0), "weight_bad is 0.0"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


@pytest.mark.parametrize("loss", [dpo, conservative_dpo, ipo, kto])
def test_a_loss_that_measures_from_a_reference_says_when_there_is_none(loss):
    with pytest.raises(ValueError, match="there is none: pass reference"):
        loss(answers(1, logp_ref=None))


@pytest.mark.parametrize("loss", [orpo, simpo])
def test_a_loss_without_reference_does_not_ask_for_one(loss):
    assert loss(answers(1, logp_ref=None)).item() == loss(answers(1)).item()


def test_the_margin_is_what_training_has_added():
    a = answers(5)
    by_hand = [(w - rw) - (l - rl) for w, rw, _, l, rl, _ in pairs(a)]
    assert margin(a).tolist() == pytest.approx(by_hand, abs=1e-5)
