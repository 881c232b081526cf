"""Win rates, KL and diversity computed another way: root finding, scipy, enumeration, counting by hand."""

import copy
import math
from itertools import product

import numpy as np
import pytest
import tiny_studio
import torch
from scipy.optimize import brentq
from scipy.stats import binomtest

from rlhf_edu.evaluate import Z95, blind_test, distinct_n, kl_to_reference, win_rate
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.interface import Completions
from rlhf_edu.lm.sampling import sample
from rlhf_edu.reward.models import RewardModel


def scores(wins: int, ties: int, losses: int) -> tuple[np.ndarray, np.ndarray]:
    ours = np.array([1.0] * wins + [0.5] * ties + [0.0] * losses)
    return ours, np.full(len(ours), 0.5)


@pytest.mark.parametrize(("wins", "n"), [(0, 10), (1, 10), (7, 10), (10, 10), (400, 512), (511, 512), (1, 1)])
def test_the_interval_is_wilsons_as_scipy_computes_it(wins, n):
    found = win_rate(*scores(wins, 0, n - wins))
    theirs = binomtest(wins, n).proportion_ci(method="wilson")
    assert found.rate == pytest.approx(wins / n)
    assert found.low == pytest.approx(theirs.low, abs=1e-9)
    assert found.high == pytest.approx(theirs.high, abs=1e-9)


def test_the_bounds_are_the_rates_that_the_data_just_do_not_reject():
    """Wilson's definition itself: |p̂ − p| = z √(p(1 − p)/N), solved for p, with ties as halves."""
    found = win_rate(*scores(50, 13, 37))
    p_hat, n = 0.565, 100
    surplus = lambda p: abs(p_hat - p) - Z95 * math.sqrt(p * (1 - p) / n)  # noqa: E731
    assert found.low == pytest.approx(brentq(surplus, 1e-9, p_hat - 1e-12), abs=1e-9)
    assert found.high == pytest.approx(brentq(surplus, p_hat + 1e-12, 1 - 1e-9), abs=1e-9)
    assert (found.n, found.ties, found.rate) == (100, 13, p_hat)


def test_the_interval_covers_the_truth_about_95_times_in_100():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(1000):
        wins = int(rng.binomial(100, 0.7))
        found = win_rate(*scores(wins, 0, 100 - wins))
        hits += found.low <= 0.7 <= found.high
    assert 925 <= hits <= 975


def test_swapping_sides_turns_the_result_round():
    ours, theirs = scores(30, 5, 15)
    a, b = win_rate(ours, theirs), win_rate(theirs, ours)
    assert a.rate + b.rate == pytest.approx(1)
    assert a.low + b.high == pytest.approx(1)
    assert a.rate > 0.5 > b.rate


def test_only_ties_are_an_even_result():
    found = win_rate(*scores(0, 20, 0))
    assert (found.rate, found.ties) == (0.5, 20)
    assert str(found).startswith("50.0% (95 % interval 2")


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (np.zeros(0), np.zeros(0), "two equal lists"),
        (np.array([1.0, np.nan]), np.zeros(2), "nobody can say who won"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(ours, theirs, words):
    with pytest.raises(ValueError, match=words):
        win_rate(ours, theirs)


def test_distinct_n_by_hand():
    texts = ["the cat sat", "the cat ran", "hello"]
    assert distinct_n(texts, 1) == 5 / 7  # the cat sat ran hello | the cat sat the cat ran hello
    assert distinct_n(texts, 2) == 3 / 4  # the-cat cat-sat cat-ran | the second the-cat
    assert distinct_n(texts, 3) == 1.0
    assert distinct_n(["hello", ""], 2) == 0.0
    assert distinct_n(["a a a a a"], 2) == 1 / 4


def model(seed: int) -> GPT2:
    torch.manual_seed(seed)
    gpt2 = GPT2(GPT2Config(4, 8, layers=1, heads=1, width=8)).eval()
    with torch.no_grad():
        for p in gpt2.parameters():
            p.add_(0.15 * torch.randn_like(p))
    return gpt2


def test_kl_from_samples_is_that_of_all_possible_texts():
    """After the prompt there are 1 + 3 + 9·4 texts of up to three tokens; their KL is a plain sum."""
    policy, reference, prompt = model(1), model(2), [2, 3]
    texts = [[1], *([a, 1] for a in (0, 2, 3)), *map(list, product((0, 2, 3), (0, 2, 3), range(4)))]
    exact, total = 0.0, 0.0
    for text in texts:
        ids, logs = torch.tensor([prompt + text]), []
        for m in (policy, reference):
            with torch.no_grad():
                logp = torch.log_softmax(m(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0].double(), 1)
            logs.append(sum(logp[1 + t, token].item() for t, token in enumerate(text)))
        exact, total = exact + math.exp(logs[0]) * (logs[0] - logs[1]), total + math.exp(logs[0])
    assert total == pytest.approx(1.0, abs=1e-6)
    ids = torch.tensor([prompt]).repeat(6000, 1)
    mask, g = torch.ones_like(ids, dtype=torch.bool), torch.Generator().manual_seed(3)
    done = sample(policy, ids, mask, 3, eos_id=1, pad_id=0, generator=g)
    each = torch.tensor([kl_to_reference(policy, reference, done[i : i + 1]) for i in range(300)])
    assert kl_to_reference(policy, reference, done[:300]) == pytest.approx(each.mean().item(), abs=1e-4)
    error = each.std().item() / math.sqrt(6000)
    assert exact > 0.05
    assert kl_to_reference(policy, reference, done) == pytest.approx(exact, abs=4 * error)
    assert kl_to_reference(policy, copy.deepcopy(policy), done) == pytest.approx(0.0, abs=1e-5)


def settled(studio) -> tuple[RewardModel, Completions]:
    reward = RewardModel(studio.reference)
    typical = studio.write(studio.reference, studio.openings(150, "pairs"), studio.generator("pairs"))
    reward.settle(typical)
    torch.nn.init.normal_(reward.head.linear.weight, generator=torch.Generator().manual_seed(4))
    return reward, typical


def test_the_blind_test_adds_up():
    """Every number again, from the very texts that the gold taste was shown."""
    studio, read = tiny_studio.studio(), []
    with torch.no_grad():  # a policy that has learned something: words with small numbers
        studio.policy.tokens.weight[3:8] += 0.4 * studio.policy.ln.weight + 0.4 * studio.policy.ln.bias
    reward, typical = settled(studio)
    found = blind_test(studio, reward, typical, lambda text: read.append(text) or tiny_studio.low(text), n=50, shown=4)
    before, after = read[:50], read[50:]
    low = [[tiny_studio.low(text) for text in side] for side in (before, after)]
    assert found["gold_before"] == pytest.approx(sum(low[0]) / 50)
    assert found["gold_after"] == pytest.approx(sum(low[1]) / 50)
    assert found["win_rate"] == pytest.approx(sum((b > a) + (b == a) / 2 for a, b in zip(*low, strict=True)) / 50)
    assert found["win_rate_low"] < found["win_rate"] < found["win_rate_high"]
    assert found["distinct2_before"] == distinct_n(before)
    assert found["distinct2_after"] == distinct_n(after)
    assert found["grammatical_before"] == found["grammatical_after"] == 1.0
    assert found["kl_nats"] > 0
    openings = studio.openings(50, "test")
    assert found["samples"] == list(zip(openings[:4], before[:4], after[:4], strict=True))
    assert all(text.startswith(o) for text, o in zip(before + after, openings * 2, strict=True))
    assert not set(openings) <= set(studio.openings(50, "ppo"))


def test_an_untaught_policy_has_moved_nowhere_and_wins_half_the_time():
    studio = tiny_studio.studio()
    reward, typical = settled(studio)
    found = blind_test(studio, reward, typical, tiny_studio.low, n=200)
    assert found["kl_nats"] == pytest.approx(0.0, abs=1e-4)
    assert abs(found["win_rate"] - 0.5) < 0.12
    assert abs(found["proxy_before"]) < 0.4  # fresh texts of the reference, on the reference's scale


def test_the_same_seed_gives_the_same_verdict():
    results = []
    for seed in (0, 0, 1):
        studio = tiny_studio.studio(seed)
        results.append(blind_test(studio, *settled(studio), tiny_studio.low, n=20))
    assert results[0] == results[1] != results[2]
