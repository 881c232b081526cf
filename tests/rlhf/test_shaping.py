"""From a score to advantages, against sums written out, the O(T²) definition and numbers small enough for paper."""

import math

import pytest
import tiny
import torch

from rlhf_edu.rlhf.shaping import (
    Scale,
    adapt_beta,
    checked_advantages,
    checked_scores,
    reference_scale,
    shaped_rewards,
    token_gae,
)

# Independent draws for old and new policy, and ragged texts: of full length, of one token, and between.
G = torch.Generator().manual_seed(0)
LENGTHS = (6, 1, 4, 3, 6)
MASK = torch.arange(6)[None, :] < torch.tensor(LENGTHS)[:, None]
LOGP, LOGP_REF = (torch.log(torch.rand(5, 6, generator=G)) for _ in range(2))
SCORE = torch.randn(5, generator=G)
REWARDS, VALUES = torch.randn(5, 6, generator=G), torch.randn(5, 6, generator=G)
NAN = float("nan")


def test_rewards_token_by_token():
    beta = 0.3
    rewards = shaped_rewards(SCORE, LOGP, LOGP_REF, MASK, beta)
    for b, length in enumerate(LENGTHS):
        for t in range(6):
            expected = -beta * (LOGP[b, t] - LOGP_REF[b, t]).item() if t < length else 0.0
            expected += SCORE[b].item() if t == length - 1 else 0.0
            assert rewards[b, t].item() == pytest.approx(expected, abs=1e-5)


def test_rewards_of_a_text_sum_to_score_minus_beta_times_kl():
    rewards = shaped_rewards(SCORE, LOGP, LOGP_REF, MASK, 0.7)
    for b, n in enumerate(LENGTHS):
        kl = sum((LOGP[b, t] - LOGP_REF[b, t]).item() for t in range(n))
        assert rewards[b].sum().item() == pytest.approx(SCORE[b].item() - 0.7 * kl, abs=1e-5)


def test_what_stands_after_the_end_never_enters_rewards_or_advantages():
    logp, rewards, values = (x.masked_fill(~MASK, NAN) for x in (LOGP, REWARDS, VALUES))
    assert torch.equal(
        shaped_rewards(SCORE, logp, LOGP_REF, MASK, 0.3), shaped_rewards(SCORE, LOGP, LOGP_REF, MASK, 0.3)
    )
    assert torch.equal(token_gae(rewards, values, MASK), token_gae(REWARDS, VALUES, MASK))
    assert token_gae(REWARDS, VALUES, MASK)[~MASK].abs().sum() == 0


def test_the_arguments_of_shaping_are_left_alone():
    before = [x.clone() for x in (SCORE, LOGP, LOGP_REF, REWARDS, VALUES)]
    shaped_rewards(SCORE, LOGP, LOGP_REF, MASK, 0.3)
    token_gae(REWARDS, VALUES, MASK)
    assert all(torch.equal(x, y) for x, y in zip(before, (SCORE, LOGP, LOGP_REF, REWARDS, VALUES), strict=True))


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.8), (1.0, 0.0), (1.0, 1.0)])
def test_gae_equals_its_definition(gamma, lam):
    """A_t = Σ_k (γλ)^k δ_{t+k}, each δ written out; the value after the last real token is 0."""
    found = token_gae(REWARDS, VALUES, MASK, gamma, lam)
    for b, n in enumerate(LENGTHS):
        r, v = REWARDS[b].tolist(), [*VALUES[b, :n].tolist(), 0.0]
        for t in range(n):
            expected = sum((gamma * lam) ** (k - t) * (r[k] + gamma * v[k + 1] - v[k]) for k in range(t, n))
            assert found[b, t].item() == pytest.approx(expected, abs=1e-5)


def test_gae_by_default_does_not_discount_and_trusts_the_critic_a_little():
    assert torch.equal(token_gae(REWARDS, VALUES, MASK), token_gae(REWARDS, VALUES, MASK, 1.0, 0.95))


def test_gae_on_paper():
    """Two tokens, r = (0, 1), V = (0.5, 0.2), then two columns of padding: δ = (−0.3, 0.8), A = (−0.3 + 0.95·0.8, 0.8)."""
    pad = [9.0, 9.0]
    r, v = torch.tensor([[0.0, 1.0, *pad]]), torch.tensor([[0.5, 0.2, *pad]])
    found = token_gae(r, v, torch.tensor([[True, True, False, False]]))
    assert found[0].tolist() == pytest.approx([0.46, 0.8, 0.0, 0.0], abs=1e-6)


def test_with_lambda_one_advantages_are_sums_to_come_minus_values():
    found = token_gae(REWARDS, VALUES, MASK, 1.0, 1.0)
    for b, n in enumerate(LENGTHS):
        for t in range(n):
            assert found[b, t].item() == pytest.approx(REWARDS[b, t:n].sum().item() - VALUES[b, t].item(), abs=1e-5)


@pytest.mark.parametrize(
    ("kl", "factor"),
    [(6.0, 1 + 0.2 * 64 / 10_000), (0.0, 1 - 0.2 * 64 / 10_000), (3.3, 1 + 0.1 * 64 / 10_000), (3.0, 1.0)],
)
def test_beta_follows_the_kl_both_ways_by_at_most_a_fifth(kl, factor):
    assert adapt_beta(0.1, kl, target=3.0, episodes=64) == pytest.approx(0.1 * factor)


def test_ten_thousand_episodes_of_too_much_kl_raise_beta_by_about_a_fifth():
    beta = 1.0
    for _ in range(10_000 // 50):
        beta = adapt_beta(beta, 99.0, 1.0, episodes=50)
    assert beta == pytest.approx(math.exp(0.2), rel=0.01)


def test_a_kl_target_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"target is 0\.0 nats, but it must be positive"):
        adapt_beta(0.1, 1.0, 0.0, 64)


def test_on_its_scale_the_reference_has_mean_zero_and_spread_one():
    done = tiny.written(tiny.gpt2(1), seed=2, n=50)
    rule = lambda d: 7.0 + 3.0 * d.new_mask.sum(1).float()  # noqa: E731
    scale = reference_scale(rule, done)
    scaled = scale(rule)(done)
    assert scaled.mean().item() == pytest.approx(0.0, abs=1e-5)
    assert math.sqrt(sum(x * x for x in scaled.tolist()) / 50) == pytest.approx(1.0, abs=1e-5)
    assert scaled.argsort(stable=True).tolist() == rule(done).argsort(stable=True).tolist()


def test_gain_and_bias_are_fixed_and_do_not_follow_the_policy():
    scale = Scale(torch.tensor(10.0), torch.tensor(2.0))
    assert scale(lambda d: torch.tensor([10.0, 14.0]))(None).tolist() == [0.0, 2.0]


def test_a_reward_that_never_differs_is_refused():
    done = tiny.written(tiny.gpt2(1), seed=2)
    with pytest.raises(ValueError, match="every reference sample gets the same reward"):
        reference_scale(lambda d: torch.full((len(d),), 3.0), done)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda d: torch.zeros(len(d) - 1), r"shape \(5,\) for 6 texts"),
        (lambda d: torch.zeros(len(d), 1), r"shape \(6, 1\) for 6 texts"),
        (lambda d: 1.0, r"shape \(\) for 6 texts"),
        (lambda d: None, "returned 'None' for 6 texts, but it must return one number each"),
        (lambda d: ["good"] * 6, "for 6 texts, but it must return one number each"),
        (lambda d: torch.tensor([0, NAN, 0, NAN, 0, 0]), "NaN or infinity for 2 of 6 texts"),
        (lambda d: torch.tensor([0, 0, 0, float("inf"), 0, 0]), "NaN or infinity for 1 of 6 texts"),
    ],
)
def test_a_reward_function_that_answers_wrongly_is_told_so(answer, words):
    with pytest.raises(ValueError, match=words):
        checked_scores(answer, tiny.written(tiny.gpt2(1), seed=2))


def test_a_reward_function_may_return_a_list_whole_numbers_or_a_graph():
    done, w = tiny.written(tiny.gpt2(1), seed=2), torch.ones(6, requires_grad=True)
    assert checked_scores(lambda d: [1, 2, 3, 4, 5, 6], done).tolist() == [1, 2, 3, 4, 5, 6]
    assert not checked_scores(lambda d: 2 * w, done).requires_grad


def test_advantages_of_your_own_are_cut_from_the_graph_and_checked():
    own = torch.randn(5, 6, generator=G, requires_grad=True)
    checked = checked_advantages(own, MASK)
    assert not checked.requires_grad
    assert torch.equal(checked[MASK], own[MASK])
    assert torch.equal(checked_advantages(own.masked_fill(~MASK, NAN), MASK), checked)  # no token, no harm
    with pytest.raises(ValueError, match=r"shape \(5,\), but there must be one for each token: \(5, 6\)"):
        checked_advantages(own[:, 0], MASK)
    with pytest.raises(ValueError, match="1 advantages are NaN"):
        checked_advantages(own.detach().index_put((torch.tensor(1), torch.tensor(0)), torch.tensor(NAN)), MASK)
