"""From records to row numbers: nothing lost, nothing made up, and one clear sentence for what cannot be learned from."""

from functools import lru_cache

import numpy as np
import pytest
import torch

from rlhf_edu.feedback.types import Edit, Preference, Ranking, Rating
from rlhf_edu.reward.labels import Labels, changed_share, labels_of

RECORDS = [
    Preference("p ", "x", "y", choice="b"),
    Rating("p ", "x", score=2),
    Ranking("p ", ("y", "z", "x"), order=(1, 2, 0)),
    Edit("q ", "one two three", "one 2 three"),
    Preference("p ", "z", "x", choice="tie"),
    Preference("p ", "z", "x", choice="both_bad"),
    Edit("q ", "fine", "fine"),
    Ranking("q ", ("u", "v"), order=(0, 1)),
]


def test_every_kind_becomes_rows():
    labels = labels_of(RECORDS)
    at = {text: i for i, text in enumerate(labels.items)}
    assert set(at) == {"p x", "p y", "p z", "q one two three", "q one 2 three", "q u", "q v"}
    assert labels.counts() == dict(rating=1, pair=2, edit=1, ranking=2)
    assert labels.pairs.tolist() == [[at["p x"], at["p y"]], [at["p z"], at["p x"]]]
    assert labels.outcome.tolist() == [1, 2]
    assert labels.rated.tolist() == [at["p x"]]
    assert labels.edits.tolist() == [[at["q one 2 three"], at["q one two three"]]]
    assert labels.changed.tolist() == pytest.approx([1 / 3])
    assert labels.ranked.tolist() == [[at["p z"], at["p x"], at["p y"]], [at["q u"], at["q v"], -1]]
    assert labels.sizes.tolist() == [3, 2]


def test_taking_answers_by_number_keeps_each_kind_whole():
    labels = labels_of(RECORDS)
    everything = labels.take(np.arange(len(labels)))
    for name in ("rated", "scores", "pairs", "outcome", "edits", "changed", "ranked", "sizes"):
        assert torch.equal(getattr(everything, name), getattr(labels, name))
    some = labels.take(np.array([5, 2, 2]))  # the last ranking, and the second pair twice
    assert some.counts() == dict(rating=0, pair=2, edit=0, ranking=1)
    assert some.pairs.tolist() == [labels.pairs[1].tolist()] * 2
    small = some.compact()
    assert set(small.items) == {"p z", "p x", "q u", "q v"}
    assert [[small.items[i] for i in row] for row in small.pairs.tolist()] == [["p z", "p x"]] * 2
    assert [small.items[i] for i in small.ranked[0, :2].tolist()] == ["q u", "q v"]
    assert small.ranked[0, 2] == -1


@lru_cache
def distance(a: tuple, b: tuple) -> int:
    """Word edits by trying every way, without a table."""
    if not a or not b:
        return len(a) + len(b)
    ways = (distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))
    return min(ways)


def test_changes_are_counted_in_words():
    rng = np.random.default_rng(1)
    for _ in range(200):
        a, b = (tuple(rng.choice(["a", "b", "c"], size=rng.integers(1, 7))) for _ in range(2))
        expected = distance(a, b) / max(len(a), len(b))
        assert changed_share(" ".join(a), " ".join(b)) == pytest.approx(expected)
        assert changed_share(" ".join(b), " ".join(a)) == pytest.approx(expected)
    assert changed_share("a b", "a  b") == 0.5  # only a space: still a change
    assert changed_share("", "") == 0.0
    assert changed_share("", "new words") == 1.0


def test_contradictions_are_counted_and_are_no_fault():
    both = [Preference("", "x", "y", choice=c) for c in ("a", "b", "a")]
    labels = labels_of([*both, Preference("", "y", "z", choice="a")])
    assert labels.contradictions() == 1
    assert labels.check() is labels


PAIR = torch.tensor([[0, 1]])
BAD = {
    "no label says which text is better": labels_of([]),
    "no label says": labels_of([Edit("", "a", "a"), Preference("", "x", "x", choice="a")]),
    "all labels are about one item": labels_of([Rating("", "a", score=1), Rating("", "a", score=5)]),
    "all 2 ratings are 3, so nothing tells good from bad": labels_of([Rating("", t, score=3) for t in "ab"]),
    "all 3 comparisons are ties": labels_of([Preference("", "x", "y", choice="tie")] * 3),
    "the 2 comparisons contradict each other exactly": labels_of(
        [Preference("", "x", "y", choice="a"), Preference("", "y", "x", choice="a")]
    ),
    "a label is about item 7, but there are 2 items": Labels(["a", "b"], pairs=PAIR * 7, outcome=torch.tensor([0])),
    r"a ranking is \[0, 1, 0\], but it must name each of its 3 items exactly once": Labels(
        ["a", "b"], ranked=torch.tensor([[0, 1, 0]]), sizes=torch.tensor([3])
    ),
    r"a ranking is \[0, -1\]": Labels(
        ["a", "b"], pairs=PAIR, outcome=torch.tensor([0]), ranked=torch.tensor([[0, -1]]), sizes=torch.tensor([2])
    ),
    "an outcome is 7, but it must be 0 .the first is better., 1 .the second. or 2 .tie.": Labels(
        ["a", "b"], pairs=PAIR, outcome=torch.tensor([7])
    ),
    "a rating is not a finite number": Labels(
        ["a", "b"], rated=torch.tensor([0, 1]), scores=torch.tensor([1.0, float("nan")])
    ),
}


@pytest.mark.parametrize("words", BAD)
def test_labels_that_teach_nothing_are_refused_in_one_sentence(words):
    with pytest.raises(ValueError, match=words) as caught:
        BAD[words].check()
    assert "\n" not in str(caught.value)


def test_mixed_scales_and_repeated_texts_are_refused():
    with pytest.raises(ValueError, match="one fit needs one scale"):
        labels_of([Rating("", "a", score=3), Rating("", "b", score=30, low=0, high=100)])
    with pytest.raises(ValueError, match="holds one text twice"):
        labels_of([Ranking("", ("a", "b", "a"), order=(0, 1, 2))])


@pytest.mark.parametrize(
    ("name", "words"),
    [("outcome", "there are 1 pairs and 2 outcomes"), ("scores", "there are 0 rated items and 2 scores")],
)
def test_lists_of_unequal_length_are_refused(name, words):
    labels = Labels(["a", "b"], pairs=PAIR, outcome=torch.tensor([0]))
    object.__setattr__(labels, name, torch.tensor([0, 1]))  # the shapes that only tests look at would refuse it earlier
    with pytest.raises(ValueError, match=words):
        labels.check()
