"""Themes against counting by hand, and against texts whose themes are known."""

import itertools
import math

import numpy as np
import pytest
import torch

from rlhf_edu.lm.checkpoint import load
from rlhf_edu.reward.themes import FILE, RARE, find_themes, halves, load_themes, running_themes, save_themes

END, V = 1, 12


def texts(n: int, seed: int = 0) -> list[list[int]]:
    """Two sentences each, told in one of two moods: words 2 to 6 in one, 7 to 11 in the other; now and then a stray."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        mood = rng.integers(2)
        words = [int(2 + 5 * (mood if rng.random() < 0.9 else 1 - mood) + rng.integers(5)) for _ in range(4)]
        rows.append([*words[:2], END, *words[2:], END])
    return rows


def test_halves_are_cut_after_a_sentence_and_only_new_words_count():
    first, new = halves([[2, 3, 4, END, 3, 5, END], [6, 7, 8]], {END}, V)
    assert first[0].nonzero().flatten().tolist() == [END, 2, 3, 4]
    assert new[0].nonzero().flatten().tolist() == [5]  # 3 and the full stop came before
    assert first[1].nonzero().flatten().tolist() == [6, 7, 8]  # one sentence: there is no second half
    assert not new[1].any()


def test_the_matrix_behind_the_themes_equals_counting_by_hand():
    """All V themes together rebuild C: U S Vᵀ has the entries that plain counting gives."""
    rows = texts(200)
    first, new = halves(rows, {END}, V)
    E = find_themes(rows, {END}, V, n_themes=V)
    C = torch.zeros(V, V)
    n = len(rows)
    for u, v in itertools.product(range(V), repeat=2):
        if u != v:
            p, q = sum(first[:, u].tolist()) / n, sum(new[:, v].tolist()) / n
            both = sum(a * b for a, b in zip(first[:, u].tolist(), new[:, v].tolist(), strict=True)) / n
            C[u, v] = (both - p * q) / math.sqrt((p * (1 - p) + RARE) * (q * (1 - q) + RARE))
    U, _, Vt = np.linalg.svd(C.numpy().astype(np.float64))
    p, q = first.mean(0).numpy(), new.mean(0).numpy()
    for word in range(2, V):
        expected = U[word] / math.sqrt(p[word] * (1 - p[word]) + RARE) * p[word]
        expected = expected + Vt[:, word] / math.sqrt(q[word] * (1 - q[word]) + RARE) * q[word]
        found = E[word, 0].item() * (p[word] + q[word] + 1e-3)
        assert abs(found) == pytest.approx(abs(expected[0]), abs=1e-3)  # a singular vector has no sign of its own


def test_the_first_theme_is_the_mood_the_texts_were_told_in():
    E = find_themes(texts(4000), {END}, V, n_themes=2)
    one, other = E[2:7, 0], E[7:12, 0]
    assert (one.sign() == one[0].sign()).all()
    assert (other.sign() == -one[0].sign()).all()


def test_without_moods_there_is_nothing_to_find():
    """Shuffle the second halves among the texts: what is left is noise, far below what the mood gives."""
    rows = texts(4000)
    order = np.random.default_rng(1).permutation(len(rows))
    mixed = [[*row[:3], *rows[i][3:]] for row, i in zip(rows, order, strict=True)]
    strength = []
    for some in (rows, mixed):
        first, new = halves(some, {END}, V)
        C = first.T @ new / len(some) - torch.outer(first.mean(0), new.mean(0))
        strength.append(torch.linalg.matrix_norm(C.fill_diagonal_(0), 2).item())
    assert strength[0] > 3 * strength[1]


def test_running_themes_count_every_token_once_and_padding_never():
    E = torch.randn(V, 3, generator=torch.Generator().manual_seed(2))
    ids = torch.tensor([[0, 5, 6, 5, 7], [4, 4, 9, 0, 0]])
    mask = torch.tensor([[False, True, True, True, True], [True, True, True, False, False]])
    found = running_themes(ids, mask, E)
    for b, t in itertools.product(range(2), range(5)):
        said = {int(i) for i, real in zip(ids[b, : t + 1], mask[b, : t + 1], strict=True) if real}
        assert torch.allclose(found[b, t], sum((E[i] for i in said), torch.zeros(3)), atol=1e-6)


def test_the_story_worlds_themes_ship_with_its_model_and_fit_it():
    themes, (model, tokenizer) = load_themes("stories"), load("stories")
    assert themes is not None
    assert themes.shape == (model.vocab_size, 32)

    def theme(word: str) -> torch.Tensor:
        return themes[tokenizer.encode(" " + word)[0]]

    def alike(a: str, b: str) -> float:
        return torch.cosine_similarity(theme(a), theme(b), dim=0).item()

    assert alike("fog", "grave") > alike("fog", "flowers") + 0.2
    assert alike("hugged", "thanked") > alike("hugged", "rudely") + 0.2


def test_saved_themes_come_back_and_a_folder_without_has_none(tmp_path):
    E = find_themes(texts(50), {END}, V, n_themes=3)
    assert load_themes(tmp_path) is None
    assert save_themes(tmp_path, E).name == FILE
    assert torch.equal(load_themes(tmp_path), E)


@pytest.mark.parametrize(
    ("rows", "n", "words"),
    [
        ([[2, 3], [4, 5]], 2, "none of the 2 texts has a second half"),
        ([], 2, "none of the 0"),
        ([[2, 1, 3]], 99, "99 themes"),
    ],
)
def test_what_cannot_have_themes_is_refused_in_words(rows, n, words):
    with pytest.raises(ValueError, match=words):
        find_themes(rows, {END}, V, n)
