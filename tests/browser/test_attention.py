"""Attention in a real JupyterLab: hover, click, keys and small pictures, and no key that reaches the notebook."""

import pytest

pytestmark = pytest.mark.browser

CODE = """
import numpy as np
from rlhf_edu.widgets.attention import AttentionView
w = np.zeros((2, 2, 3, 3)); w[:, :, 0, 0] = 1
w[0, 0, 1:] = [[0.9, 0.1, 0], [0.2, 0.7, 0.1]]
w[0, 1, 1:] = [[0.5, 0.5, 0], [0.1, 0.1, 0.8]]
w[1, :, 1:] = [[0.3, 0.7, 0], [0, 1, 0]]
AttentionView(["The", " fox", " <i>sleeps</i>"], w)
"""


def test_hover_click_and_keys(lab):
    notebook = lab.open([CODE, "1 + 1"])
    notebook.run_all()
    page, cells = notebook.page, notebook.source_count()
    says, words = page.locator(".rlhf-reads"), page.locator(".rlhf-token")
    says.filter(
        has_text="Layer 1, head 1: “<i>sleeps</i>” reads “fox” 70 %, “The” 20 %, “<i>sleeps</i>” 10 %"
    ).wait_for()
    assert words.locator(".rlhf-share").all_inner_texts() == ["20", "70", "10"]
    words.nth(1).hover()
    says.filter(has_text="“fox” reads “The” 90 %, “fox” 10 %").wait_for()
    page.locator(".rlhf-question").hover()
    says.filter(has_text="“<i>sleeps</i>” reads").wait_for()  # the word that was kept comes back
    page.locator(".rlhf-question").click()
    page.keyboard.press("ArrowDown")
    says.filter(has_text="Layer 1, head 2: “<i>sleeps</i>” reads “<i>sleeps</i>” 80 %").wait_for()
    page.keyboard.press("ArrowLeft")
    says.filter(has_text="Layer 1, head 2: “fox” reads").wait_for()
    page.get_by_role("button", name="Layer 2, head 1").click()
    says.filter(has_text="Layer 2, head 1: “fox” reads “fox” 70 %, “The” 30 %").wait_for()
    for key in ["ArrowUp", "Home", "a", "x", "d", "d"]:
        page.keyboard.press(key)
    says.filter(has_text="Layer 1, head 2: “The” reads “The” 100 %").wait_for()
    assert notebook.source_count() == cells
    assert page.locator(".rlhf-thumb[aria-pressed=true]").count() == 1
    assert not page.locator(".rlhf-plain").is_visible()


def darkest_ink(page):
    """Mean of red, green and blue where the first small picture is painted most strongly; None for an empty picture."""
    script = """canvas => { const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let best = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > d[best + 3]) best = i;
      return d[best + 3] ? (d[best] + d[best + 1] + d[best + 2]) / 3 : null; }"""
    return page.locator(".rlhf-thumb canvas").first.evaluate(script)


def test_the_small_pictures_follow_the_theme(lab):
    notebook = lab.open([CODE])
    notebook.run_all()
    notebook.page.locator(".rlhf-reads").filter(has_text="Layer 1, head 1").wait_for()
    painted = darkest_ink(notebook.page)
    assert painted is not None
    assert painted < 100  # dark on light
    notebook.theme("Dark")
    notebook.page.wait_for_timeout(500)
    assert darkest_ink(notebook.page) > 150  # light on dark
