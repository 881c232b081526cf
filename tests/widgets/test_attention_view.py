"""The attention view without a browser: what it is given is what it shows, and what is no attention is refused."""

import numpy as np
import pytest

from rlhf_edu.widgets.attention import LONGEST, AttentionView

WORDS = ["The", " fox", " <b>sleeps</b>"]


def shares(layers=2, heads=3, n=3, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.random((layers, heads, n, n)) * np.tril(np.ones((n, n)))
    return raw / raw.sum(-1, keepdims=True)


def test_the_page_gets_every_share_in_the_order_that_the_script_reads():
    weights = shares()
    state = AttentionView(WORDS, weights).rich.state
    assert (state["words"], state["layers"], state["heads"]) == (WORDS, 2, 3)
    for a, b, t, s in np.ndindex(weights.shape):
        there = state["weights"][((a * 3 + b) * 3 + t) * 3 + s]
        assert there == pytest.approx(weights[a, b, t, s], abs=1e-4)


def test_the_words_read_come_largest_first_and_none_from_the_future():
    weights = shares()
    weights[1, 2, 1] = [0.25, 0.75, 0.0]
    view = AttentionView(WORDS, weights)
    assert view.reads(1, 2, 1) == [(" fox", 0.75), ("The", 0.25)]
    assert view.reads(0, 0, 0) == [("The", 1.0)]


def test_the_plain_view_follows_its_controls_and_shows_no_markup():
    weights = shares()
    weights[1, 0, 2] = [0.5, 0.4, 0.1]
    view = AttentionView(WORDS, weights, view="plain")
    view._head.value = (1, 0)
    shown = view._shown.value
    assert "It reads The 50%, fox 40%, &lt;b&gt;sleeps&lt;/b&gt; 10%." in shown
    assert "<b>" not in shown
    assert 'title="0.400"' in shown
    view._word.value = 0
    assert "It reads The 100%." in view._shown.value
    assert [name for name, _ in view._head.options][-1] == "layer 2, head 3"


def test_torch_tensors_are_taken():
    torch = pytest.importorskip("torch")
    view = AttentionView(WORDS, torch.tensor(shares(1, 1)))
    assert view.weights.shape == (1, 1, 3, 3)


@pytest.mark.parametrize(
    ("words", "weights", "said"),
    [
        (WORDS, shares()[0], r"shape \(3, 3, 3\), but 3 words need \(layers, heads, 3, 3\)"),
        (WORDS, shares(n=4), "but 3 words need"),
        ([], np.zeros((1, 1, 0, 0)), "but 0 words need"),
        (WORDS, 2 * shares(), "add up to 1"),
        (WORDS, shares() * np.array([2, -1, 1]), "add up to 1"),
        (WORDS, np.full((1, 1, 3, 3), np.nan), "add up to 1"),
        (["a"] * (LONGEST + 1), np.full((1, 1, LONGEST + 1, LONGEST + 1), 1 / (LONGEST + 1)), "at most 128"),
    ],
)
def test_what_is_no_attention_is_refused(words, weights, said):
    with pytest.raises(ValueError, match=said):
        AttentionView(words, weights)
