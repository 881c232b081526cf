"""ILQL as a whole: a task whose values are known, and the data it refuses."""

from itertools import product

import numpy as np
import pytest
import tiny
import tiny_studio
import torch

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.tokenizer import word_tokenizer
from rlhf_edu.rlhf.offline import ILQLConfig, ILQLHeads, Perturbed, Rated, ilql

WORDS = word_tokenizer([" s", " a", " b", " c"])
WORTH = {" a b": 1.0, " b a": 0.6, " a a": 0.2}  # nothing else is worth anything; " c" is never written


def rated(n: int, seed: int) -> list[Rated]:
    """Two words after " s", each " a" or " b" by a coin that prefers " b": the good text is the rare one."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice([" a", " b"], p=[0.3, 0.7], size=2)) for _ in range(n)]
    return [Rated(" s", text, WORTH.get(text, 0.0)) for text in texts]


@pytest.fixture(scope="module")
def learned():
    torch.manual_seed(0)
    lm = GPT2(GPT2Config(WORDS.vocab_size, 8, layers=1, heads=2, width=32)).eval()
    heads = ILQLHeads(32, WORDS.vocab_size)
    config = ILQLConfig(steps=400, batch=64, lr=3e-3, tau=0.9, gamma=1.0, cql=0.02, polyak=0.05)
    records = ilql(
        lm, heads, WORDS, rated(200, 1), config, rng=np.random.default_rng(0), test=lambda lm: dict(beta=lm.beta)
    ).run()
    return lm, heads, records


def chances(lm, text: str) -> dict[str, float]:
    ids = torch.tensor([WORDS.encode(text)])
    with torch.no_grad():
        p = lm(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0, -1].softmax(0)
    return {word: p[WORDS.encode(word)[0]].item() for word in (" a", " b", " c")}


def test_the_values_are_those_of_the_task(learned):
    """Q(s, a) = 1 (then b), Q(s, b) = 0.6 (then a) for the best that follows; expectiles stay a little below."""
    lm, heads, _ = learned
    ids = torch.tensor([WORDS.encode(text) for text in (" s a", " s b")])
    with torch.no_grad():
        out = lm(ids, torch.ones_like(ids, dtype=torch.bool))
        q = heads.target_q(out.hidden)
        v = heads.value(out.hidden)
    a, b = (WORDS.encode(word)[0] for word in (" a", " b"))
    after_a, after_b = q[0, 1], q[1, 1]
    assert after_a[b].item() == pytest.approx(1.0, abs=0.15)
    assert after_a[a].item() == pytest.approx(0.2, abs=0.15)
    assert after_b[a].item() == pytest.approx(0.6, abs=0.15)
    assert after_b[b].item() == pytest.approx(0.0, abs=0.15)
    assert 0.75 < v[0, 1].item() < 1.05  # the 0.9-expectile of 1.0 (chance 0.7) and 0.2
    assert q[0, 0, a] > q[0, 0, b] + 0.15  # stitched: a is better although most texts begin with b


def test_the_policy_finds_the_best_text_and_stays_with_words_that_the_data_knows(learned):
    lm, heads, records = learned
    habit, tilted = chances(lm, " s"), chances(Perturbed(lm, heads, 15.0), " s")
    assert habit[" b"] == pytest.approx(0.7, abs=0.1)
    assert tilted[" a"] > 0.8
    assert tilted[" c"] < 0.05
    assert chances(Perturbed(lm, heads, 15.0), " s a")[" b"] > 0.9
    assert records[-1]["q_loss"] < records[0]["q_loss"]
    assert [r["step"] for r in records if "beta" in r] == [99, 199, 299, 399]


def test_all_texts_of_the_task_are_worth_what_the_test_says():
    assert {"".join(t) for t in product((" a", " b"), repeat=2)} == {*WORTH, " b b"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "no rated texts came"),
        ([Rated(" w3", " w4", float("nan")), Rated(" w3", " w5", 1.0)], "1 of 2 rewards are NaN or infinite"),
        ([Rated(" w3", " w4", 1.0), Rated(" w3", " w5", 1.0)], "all 2 rewards are 1, so no text is better"),
        ([Rated("", " w4", 1.0), Rated(" w3", " w5", 0.0)], "a prompt is empty"),
    ],
)
def test_data_that_cannot_be_learned_from_is_refused_in_one_sentence(data, words):
    run = ilql(
        tiny.gpt2(1), ILQLHeads(tiny.WIDTH, tiny.VOCAB), tiny_studio.tokenizer(), data, rng=np.random.default_rng(0)
    )
    with pytest.raises(ValueError, match=words):
        next(run)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(tau=1.0), "tau is 1, but an expectile of 1 is the maximum"),
        (dict(tau=0.3), r"tau is 0.3, but it must lie in \(0.5, 1\]"),
        (dict(gamma=1.5), "gamma is 1.5"),
        (dict(polyak=0.0), "polyak is 0.0"),
        (dict(cql=-1.0), "cql is -1.0"),
        (dict(steps=0), "steps is 0"),
    ],
)
def test_a_config_that_makes_no_sense_says_what_is_wrong(settings, words):
    with pytest.raises(ValueError, match=words):
        ILQLConfig(**settings)
