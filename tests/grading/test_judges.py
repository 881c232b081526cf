"""Each judge against right, wrong and strange answers; the comparison behind them; what it may never give away."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from rlhf_edu.grading.answers import AgentJudge, ChoiceJudge, DiagnosisJudge, EssayJudge, plain, seal
from rlhf_edu.grading.compare import compare, show
from rlhf_edu.grading.judges import FunctionJudge, Gradient, NumberJudge, seed_of
from rlhf_edu.grading.student import LocalStudent
from rlhf_edu.grading.task import StudentError, Task
from rlhf_edu.grading.tensors import ragged_mask


def rng(seed=0):
    return np.random.default_rng(seed)


def draw(rng, i, hidden):
    return {"x": rng.normal(size=(i + 2, 3)), "scale": 2.0 + i}


def double(x, scale):
    return np.array([[scale * v for v in row] for row in x.tolist()])


JUDGE = FunctionJudge("f", double, draw, {"half": (lambda x, scale: x * scale / 2, "half of it is missing")})


def judge(answer, hidden=False, judge: Any = JUDGE, seed=0, **more):
    return judge(LocalStudent({"f": answer, **more}, guard=False), rng(seed), hidden)


def test_a_right_function_passes_visible_and_hidden():
    assert judge(lambda x, scale: scale * x).score == 1
    assert judge(lambda x, scale: scale * x, hidden=True).score == 1


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (lambda x, scale: x * scale / 2, "half"),
        (lambda x, scale: np.zeros_like(x), "zeros"),
        (lambda x, scale: np.full_like(x, 3.0), "constant"),
        (lambda x, scale: x, "input"),
        (lambda x, scale: None, "missing"),
        (lambda x, scale: "scale * x", "type"),
        (lambda x, scale: (scale * x).tolist(), "type"),
        (lambda x, scale: torch.as_tensor(scale * x), "type"),
        (lambda x, scale: (scale * x).T, "shape"),
        (lambda x, scale: scale * x[:-1], "shape"),
        (lambda x, scale: x > 0, "dtype"),
        (lambda x, scale: (scale * x).astype(object), "dtype"),
        (lambda x, scale: np.where(x > 0, scale * x, np.nan), "finite"),
        (lambda x, scale: np.random.default_rng().normal(size=x.shape), "unsteady"),
        (lambda x, scale: scale * x + 0.01, "value"),
        (lambda x, scale: 1 / 0, "ZeroDivisionError"),
        (lambda x: x, "TypeError"),
    ],
)
def test_a_wrong_function_is_told_why(answer, mistake):
    verdict = judge(answer)
    assert (verdict.score, verdict.mistake) == (0, mistake), verdict.words
    hidden = judge(answer, hidden=True, seed=9)
    assert hidden.score == 0


def sum_of_squares(x, scale):
    return torch.tensor(scale * sum(v**2 for v in x.tolist()))


LOSS = FunctionJudge(
    "f",
    sum_of_squares,
    lambda rng, i, hidden: {"x": torch.tensor(rng.normal(size=i + 2), dtype=torch.float32), "scale": 2.0 + i},
    gradients=(
        Gradient(
            "x",
            lambda x, scale: torch.tensor([2 * scale * v for v in x.tolist()]),
            {"half": (lambda x, scale: scale * x, "one of the two factors is cut off")},
        ),
    ),
)


@pytest.mark.parametrize(
    ("loss", "mistake"),
    [
        (lambda x, scale: scale * (x**2).sum(), ""),
        (lambda x, scale: (scale * (x @ x), "more"), "type"),  # the value comes first, and is one number
        (lambda x, scale: scale * (x.detach() ** 2).sum(), "detached"),
        (lambda x, scale: scale * torch.tensor((x.detach().numpy() ** 2).sum()), "detached"),
        (lambda x, scale: scale * (x * x.detach()).sum(), "half"),
        (lambda x, scale: scale * (3 * x * x.detach() - 2 * x.detach() ** 2).sum(), "gradient"),
        (lambda x, scale: scale * (x.detach() ** 2).sum() + 0 * x.sum(), "gradient"),
    ],
)
def test_a_loss_that_is_right_in_value_must_be_right_in_its_gradient(loss, mistake):
    verdict = judge(loss, judge=LOSS)
    assert (verdict.score, verdict.mistake) == (float(not mistake), mistake), verdict.words
    with torch.no_grad():  # whatever the notebook has left switched off
        hidden = judge(loss, judge=LOSS, hidden=True, seed=9)
    assert hidden.score == verdict.score


def test_a_gradient_wrong_only_on_hidden_cases_shows_nothing_of_them():
    hard = FunctionJudge(
        "f",
        sum_of_squares,
        lambda rng, i, hidden: LOSS.draw(rng, i, hidden) | {"scale": 77.0 if hidden else 2.0},
        gradients=LOSS.gradients,
    )
    for cut in (lambda x: x.detach(), lambda x: x.detach() + 0 * x):
        loss = lambda x, scale, cut=cut: scale * ((x if scale < 10 else cut(x)) ** 2).sum()  # noqa: E731
        assert judge(loss, judge=hard).score == 1
        verdict = judge(loss, judge=hard, hidden=True)
        assert (verdict.score, verdict.example) == (0, "")
        assert "77" not in verdict.words


def test_a_function_right_only_at_first_is_found_out():
    count = []

    def f(x, scale):
        count.append(1)
        return scale * x if len(count) <= 5 else x

    assert judge(f).mistake == "unsteady"


def test_the_smallest_failing_case_is_shown():
    def f(x, scale):
        return scale * x if len(x) < 4 else x * 0.1

    verdict = judge(f)
    assert "array of shape (4, 3)" in verdict.example
    assert "at [0, 0]: yours" in verdict.example


def test_wrong_only_on_hidden_cases_shows_nothing_of_them():
    special = FunctionJudge("f", double, lambda r, i, hidden: draw(r, i, hidden) | {"scale": 77.0 if hidden else 2.0})

    def f(x, scale):
        return scale * x if scale < 10 else x

    assert judge(f, judge=special).score == 1
    verdict = judge(f, judge=special, hidden=True)
    assert (verdict.score, verdict.example) == (0, "")
    assert "77" not in verdict.words


def test_the_oracle_gets_its_own_copy_of_the_inputs():
    def f(x, scale):
        answer = scale * x
        x *= 0
        return answer

    assert judge(f, hidden=True).score == 1


NUMBER = NumberJudge(
    "f",
    lambda n: math.sqrt(n),
    {"square": (lambda n: n**2, "this is the square")},
    numbers=lambda seed: {"n": 4 + seed},
    atol=0.005,
    rtol=0.0,
    unit="metres",
)


@pytest.mark.parametrize("answer", [2, 2.0, 2.004, np.float32(2), np.array(2.0), np.array([2.0]), torch.tensor(2.0)])
def test_a_number_may_come_in_any_dress(answer):
    assert judge(answer, judge=NUMBER).score == 1


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (16, "square"),
        (2.01, "value"),
        ("2", "type"),
        (None, "type"),
        ([2.0], "type"),
        (True, "type"),
        (2 + 0j, "type"),
        (np.ones(3), "type"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
    ],
)
def test_a_wrong_number_is_told_why_but_never_what_is_right(answer, mistake):
    verdict = judge(answer, judge=NUMBER)
    assert (verdict.score, verdict.mistake) == (0, mistake), verdict.words
    assert "2.0 " not in verdict.words
    assert "expected" not in verdict.words


def test_a_number_follows_the_students_seed():
    assert judge(math.sqrt(9), judge=NUMBER, SEED=5).score == 1
    assert judge(2.0, judge=NUMBER, SEED=5).score == 0
    assert judge(2.0, judge=NUMBER, SEED="five").mistake == "seed"
    with pytest.raises(StudentError):
        seed_of(LocalStudent({"SEED": -1}))


CHOICE = ChoiceJudge("f", "abcd", seal("f", "b d"), {seal("f", "b"): "one more"})


def test_choices():
    assert plain(" D, b ") == plain({"b", "d"}) == plain(["(D)", "b."]) == "b d"
    for answer in ("b d", "bd", "D,B", ["d", "b"]):
        assert judge(answer, judge=CHOICE).score == 1
    assert judge("b", judge=CHOICE).words == "one more"
    assert judge("a", judge=CHOICE).mistake == "chose a"
    for odd in ("", "e", 7, [], ["b", 4]):
        assert judge(odd, judge=CHOICE).mistake == "type"
    assert judge(None, judge=CHOICE).mistake == "missing"
    for letters in ("ab", "abc", "bcd"):  # neighbours in the alphabet, too
        together = ChoiceJudge("f", "abcd", seal("f", " ".join(letters)))
        assert judge(letters, judge=together).score == 1
        assert judge(letters[::-1], judge=together).score == 1
        assert judge(letters, judge=CHOICE).mistake == f"chose {' '.join(letters)}"


def test_a_key_is_salted_and_does_not_show_the_answer():
    assert seal("one", "b") != seal("two", "b")
    assert len({seal("one", letter) for letter in "abcd"}) == 4
    assert "b d" not in repr(CHOICE.key)


DIAGNOSIS = DiagnosisJudge(
    "f",
    {"fault": ("a", "b"), "evidence": ("kl", "loss")},
    {"fault": seal("f.fault", "b"), "evidence": seal("f.evidence", "kl")},
    {seal("f.fault", "a"): "not that one"},
)


def test_a_diagnosis_gives_a_share_for_each_part():
    assert judge({"fault": "b", "evidence": "kl"}, judge=DIAGNOSIS).score == 1
    half = judge({"fault": "a", "evidence": "KL"}, judge=DIAGNOSIS)
    assert (half.score, half.words, half.mistake) == (0.5, "not that one", "fault: a")
    assert judge({"fault": "a", "evidence": "loss"}, judge=DIAGNOSIS).score == 0
    for odd in ("b", ["b", "kl"], {}, {"fault": "b"}, {"fault": "b", "evidence": 3}):
        assert judge(odd, judge=DIAGNOSIS).mistake == "type"


def test_an_essay_is_only_asked_whether_it_can_be_marked():
    essay = EssayJudge("f", min_words=5, max_words=12)
    assert judge("one two three four five six", judge=essay).score == 1
    for text, mistake in [("", "missing"), ("YOUR ANSWER HERE", "missing"), ("one two", "short"), (3, "type")]:
        assert judge(text, judge=essay).mistake == mistake
    assert judge("a b c d e f g h i j k l m", judge=essay).mistake == "long"
    assert judge("no " * 10, judge=essay).mistake == "repeated"
    assert essay(LocalStudent({}), rng(), True).mistake == "missing"


class Coin:
    """One step; pays 1 for guessing the side shown."""

    def reset(self, seed):
        self.side = int(np.random.default_rng(seed).integers(2))
        return np.array([self.side]), {}

    def step(self, act):
        return np.array([self.side]), float(act == self.side), True, False, {}


AGENT = AgentJudge(
    "f", Coin, floor=0.5, goal=1, episodes=40, mistakes={"turned": (lambda obs: 1 - obs[:, 0], "the wrong way round")}
)


def test_an_agent_is_judged_by_its_return():
    assert judge(lambda obs: obs[:, 0], judge=AGENT).score == 1
    assert judge(lambda obs: torch.as_tensor(obs[:, 0]), judge=AGENT).score == 1
    turned = judge(lambda obs: 1 - obs[:, 0], judge=AGENT)
    assert (turned.score, turned.mistake) == (0, "turned")
    partly = judge(lambda obs: np.where(np.arange(40) < 30, obs[:, 0], 1 - obs[:, 0]), judge=AGENT)
    assert partly.score == pytest.approx(0.5)
    for odd in (
        lambda obs: 1,
        lambda obs: None,
        lambda obs: "up",
        lambda obs: obs[:3, 0],
        lambda obs: obs[:, 0] * np.nan,
    ):
        assert judge(odd, judge=AGENT).mistake == "shape"


def test_comparison_goes_into_containers_and_trusts_no_equality():
    class Sly:
        def __eq__(self, other):
            return True

    class SlyArray(np.ndarray):
        pass

    for got, expected in [
        (Sly(), 1.0),
        (Sly(), "b"),
        ((1.0, Sly()), (1.0, 2.0)),
        (np.ones(2).view(SlyArray), np.ones(2)),
        ({"a": 1}, {"a": 1, "b": 2}),
        ((1.0,), (1.0, 2.0)),
        ({"a": 2.0}, {"a": 1.0}),
        (1, "1"),
        (3.0, float("inf")),  # a share of infinity would forgive any number
        (-float("inf"), float("inf")),
        (np.array([1.0, 5.0]), np.array([1.0, np.inf])),
        ([object()], [object()]),
    ]:
        assert compare(got, expected) is not None
    for got, expected in [
        ([1.0, 2], (1.0, torch.tensor(2.0))),
        ({"a": np.float32(1)}, {"a": 1.0}),
        (torch.ones(2, dtype=torch.float64), torch.ones(2)),
        (torch.ones(2, requires_grad=True), torch.ones(2)),
        (torch.ones(2, dtype=torch.bfloat16), torch.ones(2)),
        (float("inf"), float("inf")),
        (torch.ones(1), torch.tensor(1.0)),
    ]:
        assert compare(got, expected) is None, (got, expected)


def test_what_is_shown_is_short():
    assert show(np.zeros((100, 100))) == "array of shape (100, 100)"
    assert show(torch.tensor([1.0, 2.0])) == "tensor of shape (2,)\n[1., 2.]"
    assert len(show("x" * 10_000)) <= 200
    assert show((1.23456, [True])) == "(1.235, [True])"


def test_masks_always_hold_padding_and_hidden_ones_the_extremes():
    for seed in range(20):
        mask = ragged_mask(rng(seed), 4, 6, hidden=True)
        assert mask.sum(1).min() == 1
        assert mask.sum(1).max() == 6
        assert mask[0].sum() == 5
        assert all((np.diff(row.astype(int)) <= 0).all() for row in mask)


def test_a_task_refuses_nonsense():
    sound: dict[str, Any] = dict(
        name="x", exercise="00_start", kind="essay", title="", minutes=1, judge=EssayJudge("x")
    )
    with pytest.raises(ValueError, match="positive"):
        Task(points=0, **sound)
    with pytest.raises(ValueError, match="1, 2 or 3"):
        Task(points=1, difficulty=4, **sound)
