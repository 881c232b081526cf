"""Pictures of tokens: every piece is there, every number can be found, and text never becomes markup."""

import re

import numpy as np
import pytest

from rlhf_edu.plots import rlhf
from rlhf_edu.plots.tokens import TokenBoxes, TokenMap, next_token_bars, visible


def test_boxes_hold_every_piece_once_with_its_number_and_no_markup():
    words = [" <b>", "fox", "\n", ""]
    page = TokenBoxes(words, [7, 300, 2, 0])._repr_html_()
    assert re.findall(r"title='token (\d+)'", page) == ["7", "300", "2", "0"]
    assert re.findall(r"white-space:pre'>([^<]*)<", page) == ["␣&lt;b&gt;", "fox", "⏎", "·"]
    assert "4 tokens" in page
    assert "1 token;" in TokenBoxes(["a"], [1])._repr_html_()
    assert repr(TokenBoxes(words, [7, 300, 2, 0])) == "␣<b>|fox|⏎|·"


def test_neighbouring_boxes_differ_in_lightness_not_only_in_colour():
    shades = re.findall(r"background:#(\w{6})", TokenBoxes(["a", "b"], [1, 2])._repr_html_())
    assert len(set(shades)) == 2
    assert "border:1px solid" in TokenBoxes(["a"], [1])._repr_html_()


def test_a_piece_without_a_number_is_refused():
    with pytest.raises(ValueError, match="2 pieces came with 1 ids"):
        TokenBoxes(["a", "b"], [1])


def test_the_map_says_its_numbers_on_hover_and_marks_strong_ones_without_colour():
    page = TokenMap([(["good", "bad", "so"], [2.0, -2.0, 0.1])], "advantage")._repr_html_()
    assert re.findall(r"title='([^']*)'", page) == ["+2.000", "-2.000", "+0.100"]
    good, bad, so = page.split("<span ")[1:]
    assert "2px solid" in good
    assert "2px dotted" in bad
    assert "border-bottom" not in so
    assert rlhf.TokenMap is TokenMap


def test_bars_keep_the_order_from_before_and_show_what_is_left():
    before = np.array([0.1, 0.5, 0.25, 0.15])
    after = np.array([0.0, 2 / 3, 1 / 3, 0.0])
    picture = next_token_bars([" a", " b", " c", " d"], after, before, top=3, title="Top-2")
    (ax,) = picture.figure.axes
    hollow, solid = ax.patches[:3], ax.patches[3:]
    assert [bar.get_width() for bar in hollow] == [0.5, 0.25, 0.15]
    assert np.allclose([bar.get_width() for bar in solid], [2 / 3, 1 / 3, 0.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["␣b", "␣c", "␣d"]
    assert [text.get_text() for text in ax.texts] == ["0.667", "0.333", "never"]
    assert picture.alt == "Top-2: 2 of 4 tokens are possible; ␣b 0.67, ␣c 0.33"
    assert ax.get_xlabel() == "probability of the next token"


def test_without_a_before_both_bars_are_the_same():
    (ax,) = next_token_bars(["a", "b"], np.array([0.75, 0.25])).figure.axes
    assert [bar.get_width() for bar in ax.patches] == [0.75, 0.25, 0.75, 0.25]


@pytest.mark.parametrize("probs", [[0.5, 0.4], [1.5, -0.5], [1.0]])
def test_what_is_no_distribution_is_refused(probs):
    with pytest.raises(ValueError, match="one probability for each of the 2 tokens"):
        next_token_bars(["a", "b"], np.array(probs))


def test_spaces_can_be_seen():
    assert visible(" the\n") == "␣the⏎"
    assert visible("") == "·"


def test_what_somebody_types_is_never_read_as_a_formula():
    picture = next_token_bars(["$a_b$", "$\\frac$"], np.array([0.75, 0.25]), title="after “it costs $\\frac$5”")
    (ax,) = picture.figure.axes
    assert ax.get_title() == "after “it costs $\\frac$5”"
    assert not any(label.get_parse_math() for label in [ax.title, *ax.get_yticklabels()])
