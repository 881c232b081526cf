"""Pictures of a model being taught: the numbers that were handed in, and text that stays text."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from rlhf_edu.plots.rlhf import SIGNS, Riddle, TokenMap, curve, fault_map, fault_picture, outside, run_picture


def history(n: int, gold: bool = True) -> list[dict]:
    records = [dict(step=i, score=0.1 * i, kl_nats=2.0 * i) for i in range(n)]
    return [r | dict(gold=0.5 + 0.01 * r["step"]) for r in records] if gold else records


def lines(axes: Axes) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in axes.get_lines()]


def test_a_run_is_drawn_as_it_was(tmp_path):
    picture = run_picture(history(5))
    scores, kl, trade = picture.figure.axes
    assert lines(scores)[0].tolist() == [[i + 1, 0.1 * i] for i in range(5)]
    assert lines(kl)[0].tolist() == [[i + 1, 2.0 * i] for i in range(5)]
    assert np.allclose(lines(trade)[0], [[2.0 * i, 0.5 + 0.01 * i] for i in range(5)])
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in (scores, kl, trade))
    assert "5 steps" in picture.alt
    assert "0.40" in picture.alt
    assert "8.0 nats" in picture.alt
    picture.save(tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_a_hidden_taste_and_of_one_step_can_be_drawn():
    assert len(run_picture(history(1, gold=False)).figure.axes) == 3


def test_words_are_tinted_by_sign_and_strength_and_never_become_markup():
    words, values = [" <b>bold</b>", " calm", "'quote\""], [1.0, -1.0, 0.0]
    page = TokenMap([(words, values)], "<script>")._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "<script>" not in page
    above, below, none = page.split("<span ")[1:]
    assert "0, 114, 178" in above
    assert "solid" in above
    assert "213, 94, 0" in below
    assert "dotted" in below
    assert ", 0.00)" in none
    assert "border-bottom" not in none


def test_a_map_of_zeros_divides_by_nothing_and_reads_as_text_too():
    assert "0.00)" in TokenMap([(["a"], [0.0])], "x")._repr_html_()
    assert repr(TokenMap([([" fox"], [0.25]), ([" hen"], [-1.0])], "x")) == "fox(+0.25)\nhen(-1.00)"


def test_a_word_without_a_number_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        TokenMap([(["a", "b"], [0.5])], "x")._repr_html_()


def vital(start: float, slope: float = 1.0) -> list[dict]:
    """Two steps; every sign starts at `start` plus its place among the signs, but for the books, which balance."""
    signs = [{key: start + i + slope * step for i, key in enumerate(SIGNS)} for step in range(2)]
    return [r | dict(beta=0.5, reward=r["score"] - 0.5 * r["kl_nats"]) for r in signs]


def test_the_signs_of_a_run_are_drawn_over_the_healthy_ones():
    picture = fault_picture(vital(5.0), [vital(0.0), vital(2.0)])
    assert len(picture.figure.axes) == len(SIGNS)
    for i, (key, axes) in enumerate(zip(SIGNS, picture.figure.axes, strict=True)):
        mean, run = lines(axes)
        heights = axes.collections[0].get_paths()[0].vertices[:, 1]
        if key == "books":
            assert run[:, 1].tolist() == mean[:, 1].tolist() == [0, 0]
            continue
        assert run.tolist() == [[1, 5.0 + i], [2, 6.0 + i]]
        assert mean.tolist() == [[1, 1.0 + i], [2, 2.0 + i]]
        assert (heights.min(), heights.max()) == (i, i + 3)
    assert "score (sd) from 5 to 6, healthy from 1 to 2" in picture.alt


def test_the_books_are_what_rewards_exceed_the_objective_by():
    run = [dict(reward=2.0, score=1.0, beta=0.1, kl_nats=30.0), dict(reward=0.5, score=1.0, beta=0.5, kl_nats=1.0)]
    assert curve(run, "books").tolist() == [4.0, 0.0]


def test_outside_counts_widths_of_the_band_with_a_floor_and_a_sign():
    healthy = [[dict(score=y) for y in ys] for ys in ([0, 0, 1, 1, 1], [2, 0, 3, 3, 3])]
    flat = [dict(score=y) for y in (1, 9, 2, 2, 2)]  # the second step is neither the first nor among the last three
    assert outside(flat, healthy, "score") == (0, 0)
    assert outside([dict(score=y) for y in (5, 0, 0, 2, 1)], healthy, "score") == pytest.approx((1.5, -1 / 6))
    still = [[dict(score=1.0)] * 3] * 2
    assert outside([dict(score=1.01)] * 3, still, "score") == pytest.approx((0.5, 0.5))


def test_the_map_marks_what_is_far_outside_and_says_when_and_where():
    healthy = [vital(0.0), vital(1.0)]
    late = vital(0.5)
    late[1]["entropy"] -= 40
    picture = fault_map({"sound": vital(0.5), "high": vital(9.0), "late": late}, healthy)
    places = [tuple(np.asarray(dot.get_offsets())[0]) for dot in picture.figure.axes[0].collections]
    keys = list(SIGNS)
    assert places == [(keys.index(key), 1) for key in keys if key != "books"] + [(keys.index("entropy"), 2)]
    assert "sound: nothing; high: score too high at once" in picture.alt
    assert picture.alt.endswith("late: entropy too low later")


def test_a_sign_that_stands_still_is_drawn_flat_and_no_healthy_run_is_an_error():
    still = vital(1.0, 1e-4)
    low, high = fault_picture(still, [still]).figure.axes[0].get_ylim()
    assert high - low == pytest.approx(0.02)
    with pytest.raises(ValueError, match="no healthy run to compare with"):
        fault_picture(still, [])


def test_the_answer_of_a_riddle_is_folded_away_and_never_becomes_markup():
    picture = fault_picture(vital(5.0), [vital(0.0)])
    shown = Riddle(picture, {"name": "<b>top_k</b>"})._repr_mimebundle_()
    before, inside = shown["text/html"].split("<details>")
    assert "top_k" not in before
    assert "&lt;b&gt;top_k&lt;/b&gt;" in inside
    assert "top_k" not in shown["text/plain"]
