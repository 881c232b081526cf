"""Best of n against enumeration and simulation, and rejection-sampling fine-tuning from inside."""

import math
from itertools import combinations, product

import numpy as np
import pytest
import tiny
import torch
from ppo_runs import likes_low_ids

from rlhf_edu.lm.sft import SFTConfig
from rlhf_edu.rlhf.best_of_n import (
    RFTConfig,
    answers_to_learn,
    best_of_n,
    best_of_n_curve,
    best_of_n_distribution,
    best_of_n_kl,
    keep_best,
    rejection_finetune,
)

P, SCORES = np.array([0.4, 0.1, 0.2, 0.3]), np.array([1.0, 3.0, 2.0, 1.0])  # two texts share a score


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_distribution_is_that_of_all_draws_enumerated(n):
    counted = np.zeros(4)
    for draw in product(range(4), repeat=n):
        best = max(draw, key=lambda y: SCORES[y])  # the first among equals
        counted[best] += np.prod(P[list(draw)])
    assert best_of_n_distribution(P, SCORES, n) == pytest.approx(counted, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4, 16, 64])
def test_the_kl_of_the_formula_is_that_of_very_many_equally_likely_texts(n):
    """With K texts of different scores the KL tends to log n − (n − 1)/n from below, whatever the scores."""
    found = []
    for K in (100, 20_000):
        p = np.full(K, 1 / K)
        q = best_of_n_distribution(p, np.random.default_rng(0).permutation(K).astype(float), n)
        found.append(float((q * np.log(q / p))[q > 0].sum()))
    assert found[1] == pytest.approx(best_of_n_kl(n), abs=2e-3)
    assert found[0] <= found[1] + 1e-9 <= best_of_n_kl(n) + 1e-9


def test_with_few_texts_the_formula_is_only_an_upper_bound():
    q = best_of_n_distribution(P, SCORES, 8)
    assert 0 < (q * np.log(q / P)).sum() < best_of_n_kl(8) - 0.01


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_curve_averages_over_all_subsets(n):
    rng = np.random.default_rng(3)
    proxy, gold = rng.normal(size=(2, 4, 6))
    slow = [
        np.mean([gold[p, max(some, key=lambda i, p=p: proxy[p, i])] for some in combinations(range(6), n)])
        for p in range(4)
    ]
    assert best_of_n_curve(proxy, gold, [n])[:, 0] == pytest.approx(slow)
    if n == 6:
        assert best_of_n_curve(proxy, proxy, [6])[:, 0] == pytest.approx(proxy.max(1))


def test_the_best_of_each_prompts_texts_are_kept_and_belong_to_that_prompt():
    lm, prompts = tiny.gpt2(1), tiny.prompts(1, 5)
    ends = dict(eos_id=tiny.EOS, pad_id=tiny.PAD)
    run = lambda keep: best_of_n(  # noqa: E731
        lm, likes_low_ids, prompts, 6, 8, generator=torch.Generator().manual_seed(2), keep=keep, **ends
    )
    everything, best, two = run(6), run(1), run(2)
    assert len(best) == 5
    assert len(two) == 10
    for p in range(5):
        scores = likes_low_ids(everything)[6 * p : 6 * p + 6].sort(descending=True).values
        assert likes_low_ids(best)[p] == scores[0]
        assert torch.equal(likes_low_ids(two)[2 * p : 2 * p + 2], scores[:2])
        start = best.ids[p][best.mask[p]][: len(prompts[p])].tolist()
        assert start == prompts[p]


def test_what_is_learned_is_the_answer_and_its_end():
    done = tiny.written(tiny.gpt2(1), seed=4, n=6)
    ids, mask, learn = next(answers_to_learn(done, 6, tiny.PAD, np.random.default_rng(0)))
    rows = {tuple(i[m].tolist()): int(l.sum()) for i, m, l in zip(ids, mask, learn, strict=True)}
    for b in range(6):
        whole = tuple(done.ids[b][done.mask[b]].tolist())
        assert rows[whole] == int(done.new_mask[b].sum())
    for i, m, l in zip(ids, mask, learn, strict=True):
        n = int(l.sum())
        assert l.nonzero().flatten().tolist() == list(range(int(m.sum()) - n, int(m.sum())))
        assert i[m].tolist()[-n:] == i[l].tolist()


def test_rejection_sampling_raises_the_score_round_by_round():
    policy = tiny.gpt2(1)
    config = RFTConfig(rounds=4, prompts=16, n=8, keep=1, n_new=8, sft=SFTConfig(steps=15, lr=3e-3))
    records = rejection_finetune(
        policy,
        likes_low_ids,
        tiny.prompts(1, 10),
        config,
        eos_id=tiny.EOS,
        pad_id=tiny.PAD,
        generator=torch.Generator().manual_seed(0),
        rng=np.random.default_rng(0),
        test=lambda lm: dict(tested=1.0),
    ).run()
    assert len(records) == 4
    assert all(r["score_kept"] > r["score"] and r["tested"] == 1.0 for r in records)
    assert records[-1]["score"] > records[0]["score"] + 0.2


def test_bad_input_is_refused_in_one_sentence():
    done = tiny.written(tiny.gpt2(1), seed=4, n=6)
    for call, words in (
        (lambda: best_of_n_kl(0), "n is 0, but the best of n needs at least one text"),
        (lambda: best_of_n_distribution(np.array([0.5, 0.4]), np.array([1.0, 2.0]), 2), "chances sum to 0.9"),
        (lambda: best_of_n_curve(np.zeros((2, 3)), np.zeros((2, 3)), [4]), r"n from \[4\]"),
        (lambda: best_of_n_curve(np.zeros((2, 3)), np.zeros((2, 4)), [1]), r"shapes \(2, 3\) and \(2, 4\)"),
        (lambda: keep_best(done, likes_low_ids(done), 4), "6 texts cannot be grouped by 4"),
        (lambda: RFTConfig(n=4, keep=4), "keep is 4 of 4 texts"),
        (lambda: RFTConfig(rounds=0), "rounds is 0"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    assert best_of_n_kl(1) == 0.0
    assert best_of_n_kl(4) == pytest.approx(math.log(4) - 0.75)
