import json
from itertools import permutations

import numpy as np
import pytest

from rlhf_edu.feedback.events import Event, as_asked, judge, standing
from rlhf_edu.feedback.types import (
    Edit,
    Pair,
    Preference,
    Query,
    Ranking,
    Rating,
    from_json,
    item_of,
    to_json,
    to_pairs,
)

RECORDS = [
    Rating("p", "a story", 4),
    Rating("p", "a story", 0.25, low=0, high=1),
    Preference("Once …", "left\nright", '<script>"quoted"</script>', "both_bad"),
    Ranking("", ("x", "y", "z"), (2, 0, 1)),
    Edit("p", "lone \ud800 and \x00 and 漢字", "fixed"),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_survives_json_and_the_line_is_plain_ascii(record):
    line = to_json(record)
    assert from_json(line) == record
    assert line.isascii()
    assert "\n" not in line


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rating("p", "x", 6), "score is 6, but it must lie between 1.0 and 5.0"),
        (lambda: Rating("p", "x", float("nan")), "score is nan"),
        (lambda: Rating("p", "x", 3, low=5, high=1), "low end must be below"),
        (lambda: Ranking("p", ("x", "y"), (0, 0)), r"order is \(0, 0\), but it must name each of the 2 texts"),
        (lambda: Ranking("p", ("x", "y"), (0,)), "exactly once"),
        (lambda: Query("compare", "p", ("only one",)), r'"compare" query got 1 text\(s\), but it needs two texts'),
        (lambda: Query("rate", "p", ("x", "y")), "exactly one"),
        (lambda: Query("rank", "p", ("x",)), "two or more"),
        (lambda: Query("judge", "p", ("x",)), "kind is 'judge', but it must be one of compare"),
        (
            lambda: judge(Query("compare", "p", ("x", "y")), "a"),
            "the answer is 'a', but a comparison takes left, right",
        ),
        (lambda: judge(Query("rate", "p", ("x",)), "good"), "a rating takes a number"),
        (lambda: from_json("{"), "expected one record as JSON"),
        (lambda: from_json('{"kind": "song"}'), 'expected a record with "kind" one of'),
        (lambda: from_json('{"kind": "edit", "prompt": "p"}'), "an? Edit has the fields prompt, text, edited"),
        (lambda: Event("answer", "  "), "annotator is '  ', but it must be a name"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_pairs_of_a_ranking_are_all_pairs_in_its_order():
    ranking = Ranking("p", ("a", "b", "c", "d"), (2, 0, 3, 1))
    place = {text: i for i, text in enumerate(("c", "a", "d", "b"))}
    expected = {("p", x, y) for x, y in permutations("abcd", 2) if place[x] < place[y]}
    assert set(to_pairs([ranking])) == expected
    assert len(to_pairs([ranking])) == 6


def test_pairs_of_ratings_stay_within_a_prompt_and_need_a_gap():
    ratings = [Rating("p", "x", 5), Rating("p", "y", 2), Rating("p", "z", 4), Rating("q", "w", 1)]
    assert set(to_pairs(ratings)) == {("p", "x", "y"), ("p", "x", "z"), ("p", "z", "y")}
    assert set(to_pairs(ratings, gap=0.3)) == {("p", "x", "y"), ("p", "z", "y")}
    assert to_pairs([Rating("p", "x", 5), Rating("p", "y", 3, low=1, high=3)]) == []  # both at the top of their scale


def test_pairs_of_preferences_and_edits_and_none_of_ties():
    a, b = Preference("p", "x", "y", "a"), Preference("p", "x", "y", "b")
    assert to_pairs([a, b]) == [Pair("p", "x", "y"), Pair("p", "y", "x")]
    assert to_pairs([Preference("p", "x", "y", "tie"), Preference("p", "x", "y", "both_bad")]) == []
    assert to_pairs([Edit("p", "bad", "good"), Edit("p", "same", "same")]) == [Pair("p", "good", "bad")]


def test_the_same_question_has_the_same_id_and_another_has_another():
    ids = {
        Query(kind, prompt, options, question).id
        for kind, prompt, options, question in [
            ("compare", "p", ("x", "y"), ""),
            ("compare", "p", ("y", "x"), ""),
            ("clips", "p", ("x", "y"), ""),
            ("compare", "px", ("", "y"), ""),
            ("compare", "p", ("x", "y"), "Which is funnier?"),
        ]
    }
    assert len(ids) == 5
    assert item_of(Preference("p", "x", "y", "tie")) == Query("compare", "p", ("x", "y")).id
    assert Query("compare", "p", ["x", "y"]).options == ("x", "y")  # a list will do


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_shuffled_ranking_means_the_same_texts(order):
    texts = ("x", "y", "z")
    shown = Query("rank", "p", tuple(texts[i] for i in order))
    answer = judge(shown, [shown.options.index(t) for t in ("z", "x", "y")])
    asked = as_asked(answer, order)
    assert asked == Ranking("p", texts, (2, 0, 1))
    assert asked.ranked == ("z", "x", "y")


@pytest.mark.parametrize(("value", "better"), [("left", "y"), ("right", "x"), ("tie", None), ("both_bad", None)])
def test_a_shuffled_comparison_means_the_same_text(value, better):
    shown = Query("compare", "p", ("y", "x"))
    asked = as_asked(judge(shown, value), (1, 0))
    assert (asked.a, asked.b, asked.chosen) == ("x", "y", better)


def test_standing_answers_follow_undo_change_of_mind_and_consent():
    def say(who, item, choice):
        return Event("answer", who, item, Preference("p", "x", "y", choice))

    first, second, other = say("ann", "1", "a"), say("ann", "1", "b"), say("bob", "1", "tie")
    assert standing([first, second, other]) == [second, other]
    undo = Event("undo", "ann", "1", target=second.uid)
    assert standing([first, second, other, undo]) == [first, other]
    assert standing([first, undo, Event("undo", "ann", "1", target=first.uid)]) == []
    gone = Event("withdraw", "ann")
    assert standing([first, other, gone]) == [other]
    assert standing([first, gone, Event("consent", "ann", note="yes")]) == [first]


def test_a_json_line_can_be_read_by_anyone():
    assert json.loads(to_json(Preference("p", "x", "y", "a"))) == {
        "kind": "preference", "prompt": "p", "a": "x", "b": "y", "choice": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        (Rating, dict(text="x", score="five", low=1, high=5), "score is 'five', but it must be a number"),
        (Rating, dict(text="x", score=None, low=1, high=5), "score is None, but it must be a number"),
        (Ranking, dict(texts=("x", "y"), order=("x", "y")), r"order is \('x', 'y'\), but it must be the positions"),
        (Ranking, dict(texts=("x", "y"), order=None), "order is None, but it must be the positions"),
        (Ranking, dict(texts=5, order=(0,)), "texts is 5, but it must be several texts"),
        (Ranking, dict(texts="ab", order=(0, 1)), "texts is 'ab', but it must be several texts"),
    ],
)
def test_answers_of_the_wrong_type_are_refused_in_one_sentence(kind, fields, words):
    record = object.__new__(kind)  # the types that only tests look at would refuse them earlier
    for name, value in (dict(prompt="p") | fields).items():
        object.__setattr__(record, name, value)
    with pytest.raises(ValueError, match=words):
        record.__post_init__()


def test_numbers_of_numpy_are_kept_as_numbers():
    rating = object.__new__(Rating)
    for name, value in dict(prompt="p", text="x", score=np.float32(4), low=np.int64(1), high=np.int64(5)).items():
        object.__setattr__(rating, name, value)
    rating.__post_init__()
    assert from_json(to_json(rating)) == rating == Rating("p", "x", 4)
