"""The preference trainer from inside: what it reads, what it changes, what it refuses, and that it learns."""

import copy
import math
from functools import partial

import numpy as np
import pytest
import tiny
import tiny_studio
import torch

from rlhf_edu.feedback.types import Pair
from rlhf_edu.rlhf.preference import dpo, ipo, kto, orpo, simpo
from rlhf_edu.rlhf.preference_train import (
    PreferenceConfig,
    Thumb,
    all_logps,
    answer_logps,
    batches,
    encode_answers,
    train_preference,
)

TOKENIZER = tiny_studio.tokenizer()


def words(*numbers: int) -> str:
    return "".join(f" w{n}" for n in numbers)


def low_is_better(n: int, seed: int) -> list[Pair]:
    """Pairs of texts of unequal length after various prompts; the one with the lower mean number is preferred."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < n:
        prompt = words(*rng.integers(3, tiny.VOCAB, size=rng.integers(1, 4)))
        a, b = (rng.integers(3, tiny.VOCAB, size=rng.integers(2, 6)) for _ in range(2))
        if abs(a.mean() - b.mean()) > 2:
            better, worse = (a, b) if a.mean() < b.mean() else (b, a)
            found.append(Pair(prompt, words(*better), words(*worse)))
    return found


PAIRS = low_is_better(24, 1)
THUMBS = [Thumb(p.prompt, text, good) for p in PAIRS for text, good in ((p.better, True), (p.worse, False))]


def test_the_log_prob_of_an_answer_is_the_sum_over_its_tokens_and_its_end_read_one_by_one():
    lm, answers = tiny.gpt2(2), encode_answers(TOKENIZER, PAIRS, tiny.CONTEXT)
    index = list(range(12))
    found = answer_logps(lm, *answers.rectangle(index, "cpu"))
    for b in index:
        row, total = answers.rows[b], 0.0
        for t in range(answers.n_prompt[b], len(row)):
            before = torch.tensor([row[:t]])
            with torch.no_grad():
                logits = lm(before, torch.ones_like(before, dtype=torch.bool)).logits[0, -1].double()
            total += math.log(torch.softmax(logits, 0)[row[t]])
        assert row[-1] == TOKENIZER.eos_id
        assert found[b].item() == pytest.approx(total, abs=1e-3)
    assert torch.allclose(all_logps(lm, answers, "cpu", batch=5)[:12], found, atol=1e-4)


def test_pairs_stay_together_and_every_pair_is_seen_once_a_pass():
    answers = encode_answers(TOKENIZER, PAIRS, tiny.CONTEXT)
    drawn = batches(answers, 8, np.random.default_rng(0))
    passes = [next(drawn) for _ in range(6)]
    for index in passes:
        chosen, rejected = index[:8], index[8:]
        assert [i + 1 for i in chosen] == rejected
        assert all(answers.good[i] for i in chosen)
        assert not any(answers.good[i] for i in rejected)
    for three in (passes[:3], passes[3:]):
        assert sorted(i for index in three for i in index) == list(range(48))


def test_what_a_loss_gets():
    policy, seen = tiny.gpt2(2), []
    reference = tiny.gpt2(3).requires_grad_(False)

    def spy(a):
        seen.append((a, a.kl()))
        return kto(a)

    next(train_preference(policy, reference, TOKENIZER, PAIRS, rng=np.random.default_rng(0), loss=spy))
    ((a, kl),) = seen
    answers = encode_answers(TOKENIZER, PAIRS, tiny.CONTEXT)
    index = next(batches(answers, 16, np.random.default_rng(0)))
    fresh = tiny.gpt2(2)
    assert torch.allclose(a.logp, all_logps(fresh, answers, "cpu")[index], atol=1e-4)
    assert torch.allclose(a.logp_ref, all_logps(reference, answers, "cpu")[index], atol=1e-4)
    assert a.n.tolist() == [len(answers.rows[i]) - answers.n_prompt[i] for i in index]
    assert a.good.tolist() == [True] * 16 + [False] * 16
    other = answers.exchanged(tiny.CONTEXT)
    drift = all_logps(fresh, other, "cpu") - all_logps(reference, other, "cpu")
    assert kl.item() == pytest.approx(drift[index].mean().item(), abs=1e-4)


def test_for_the_kl_every_prompt_gets_an_answer_to_another_prompt():
    answers = encode_answers(TOKENIZER, PAIRS, tiny.CONTEXT)
    other = answers.exchanged(tiny.CONTEXT)
    own = {}
    for row, n in zip(answers.rows, answers.n_prompt, strict=True):
        own.setdefault(tuple(row[n:]), set()).add(tuple(row[:n]))
    for row, n, before in zip(other.rows, other.n_prompt, answers.rows, strict=True):
        assert row[:n] == before[:n]
        assert tuple(row[:n]) not in own[tuple(row[n:])]
    assert max(map(len, other.rows)) > 7
    assert max(map(len, answers.exchanged(6).rows)) == 7  # cut where the model's context ends


@pytest.mark.parametrize(
    ("loss", "with_reference"),
    [
        (partial(dpo, beta=0.3), True),
        (partial(ipo, beta=0.3), True),
        (partial(kto, beta=0.3), True),
        (orpo, False),
        (simpo, False),
    ],
)
def test_every_loss_learns_which_answers_are_better_and_touches_only_the_policy(loss, with_reference):
    policy = tiny.gpt2(2)
    reference = copy.deepcopy(policy).requires_grad_(False)
    before = {k: w.clone() for k, w in reference.state_dict().items()}
    run = train_preference(
        policy,
        reference if with_reference else None,
        TOKENIZER,
        PAIRS,
        PreferenceConfig(steps=30, batch=8, lr=3e-3),
        loss=loss,
        rng=np.random.default_rng(0),
        test=lambda lm: dict(tested=1.0),
    )
    records = run.run()
    assert all(torch.equal(w, before[k]) for k, w in reference.state_dict().items())
    assert records[0]["margin"] == pytest.approx(0.0, abs=1e-4)
    assert np.mean([r["accuracy"] for r in records[-3:]]) > 0.85
    assert records[-1]["margin"] > 1.0
    assert [i for i, r in enumerate(records) if "tested" in r] == [19, 29]


def test_kto_learns_from_thumbs_alone():
    policy = tiny.gpt2(2)
    reference = copy.deepcopy(policy).requires_grad_(False)
    config = PreferenceConfig(steps=30, batch=8, lr=3e-3)
    thumbs = THUMBS[::2][:15] + THUMBS[1::2][5:]  # of unequal number, without partners
    run = train_preference(
        policy, reference, TOKENIZER, thumbs, config, loss=partial(kto, beta=0.3), rng=np.random.default_rng(0)
    )
    last = run.run()[-1]
    assert last["chosen"] > last["rejected"] + 1.0
    assert "margin" not in last


def test_a_students_own_loss_trains_the_model():
    policy = tiny.gpt2(2)
    reference = copy.deepcopy(policy).requires_grad_(False)

    def mine(a):
        return -torch.log(torch.sigmoid(0.3 * ((a.logp - a.logp_ref)[a.good] - (a.logp - a.logp_ref)[~a.good]))).mean()

    histories = []
    for loss in (mine, partial(dpo, beta=0.3)):
        run = train_preference(
            copy.deepcopy(policy),
            reference,
            TOKENIZER,
            PAIRS,
            PreferenceConfig(steps=4),
            loss=loss,
            rng=np.random.default_rng(0),
        )
        histories.append([r["loss"] for r in run])
    assert histories[0] == pytest.approx(histories[1], abs=1e-4)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "there are no comparisons"),
        ([*PAIRS[:2], Pair(" w3", " w4", " w4")], "in pair 2 chosen and rejected are the same text"),
        ([Thumb(" w3", " w4", True)] * 3, "all thumbs point the same way"),
        ([PAIRS[0], Thumb(" w3", " w4", True)], "pairs and thumbs came in one list"),
        ([Pair(" w3", "", " w4")], "answer 0 is empty"),
        ([Pair("", " w3", " w4")], "prompt 0 is empty"),
        ([Pair(" w3", " w4" * 60, " w4")], "this model reads at most 40"),
    ],
)
def test_data_that_cannot_be_learned_from_is_refused_in_one_sentence(data, words):
    policy = tiny.gpt2(2)
    with pytest.raises(ValueError, match=words):
        next(train_preference(policy, policy, TOKENIZER, data, rng=np.random.default_rng(0)))


def test_a_reference_that_is_missing_is_asked_for():
    for loss in (dpo, kto):
        with pytest.raises(ValueError, match="pass reference=a frozen copy"):
            next(train_preference(tiny.gpt2(2), None, TOKENIZER, PAIRS, loss=loss, rng=np.random.default_rng(0)))


def test_a_loss_that_is_not_finite_stops_before_it_spoils_the_weights():
    policy = tiny.gpt2(2)
    run = train_preference(
        policy, policy, TOKENIZER, PAIRS, loss=lambda a: a.logp.sum() * float("nan"), rng=np.random.default_rng(0)
    )
    with pytest.raises(ValueError, match="the loss is nan at step 0"):
        next(run)
    assert all(torch.equal(w, tiny.gpt2(2).state_dict()[k]) for k, w in policy.state_dict().items())
