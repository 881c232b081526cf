"""Themes: what goes together in texts, found without a single label, so that a few labels go a long way.

Forty choices cannot tell which of a thousand words a person likes, but they can tell which of thirty themes. A theme is a
direction along which the *first* half of a text announces the words that are *new* in its second half: a story with a ghost
and fog in it will rather have bones than honey cake to come. Words of one phrase, and words that only come back, say nothing
about themes and do not count. (Hotelling 1936, "Relations between two sets of variates", for the two halves; Deerwester et
al. 1990, "Indexing by latent semantic analysis", for directions in a space of words.)
"""

from collections.abc import Sequence, Set
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from rlhf_edu.lm.checkpoint import DATA, replace

FILE = "themes.safetensors"
RARE = 0.01  # added to each word's variance: words that are seldom seen should not make a theme of their own


def halves(
    texts: Sequence[Sequence[int]], end_ids: Set[int], vocab_size: int
) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N V"]]:
    """Which tokens each text's first half holds, and which are new in its second; the middle sentence is of the first."""
    first, new = torch.zeros(len(texts), vocab_size), torch.zeros(len(texts), vocab_size)
    for n, ids in enumerate(texts):
        cut = next((t + 1 for t in range((len(ids) - 1) // 2, len(ids)) if ids[t] in end_ids), len(ids))
        new[n, ids[cut:]] = 1.0
        new[n, ids[:cut]] = 0.0
        first[n, ids[:cut]] = 1.0
    return first, new


def find_themes(
    texts: Sequence[Sequence[int]], end_ids: Set[int], vocab_size: int, n_themes: int = 32
) -> Float[Tensor, "V K"]:
    """What each token says about each theme, from tens of thousands of unlabelled texts (lists of token ids).

    C_uv = cov(u in the first half, v new in the second) / √(var_u var_v), C_uu = 0        C = U S Vᵀ

    A token's row is the mean of its rows of U and V (over √var), weighted by how often it stands in each half.
    ValueError when no text has two halves, or more themes are asked for than there are tokens.
    """
    if not 0 < n_themes <= vocab_size:
        raise ValueError(f"{n_themes} themes were asked for, but a vocabulary of {vocab_size} allows 1 to that many")
    first, new = halves(texts, end_ids, vocab_size)
    if not (len(texts) and new.any()):
        raise ValueError(f"none of the {len(texts)} texts has a second half with new words: themes need longer texts")
    p, q = first.mean(0), new.mean(0)
    spread_p, spread_q = (p * (1 - p) + RARE).sqrt(), (q * (1 - q) + RARE).sqrt()
    C = (first.T @ new / len(first) - torch.outer(p, q)) / torch.outer(spread_p, spread_q)
    C.fill_diagonal_(0.0)
    U, _, Vt = torch.linalg.svd(C)
    announces, is_announced = U[:, :n_themes] / spread_p[:, None], Vt[:n_themes].T / spread_q[:, None]
    return (announces * p[:, None] + is_announced * q[:, None]) / (p + q + 1e-3)[:, None]


def running_themes(
    ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"], themes: Float[Tensor, "V K"]
) -> Float[Tensor, "B T K"]:
    """The themes of each text up to each token: every token counts once, however often it is said."""
    said = (ids[:, :, None] == ids[:, None, :]) & mask[:, None, :]  # B T T: column is the same token as row
    first = mask & ~said.tril(-1).any(-1)
    return (themes[ids] * first[..., None]).cumsum(1)


def save_themes(folder: Path, themes: Float[Tensor, "V K"]) -> Path:
    """Put themes beside the model they belong to."""
    return replace(folder / FILE, lambda new: save_file({"themes": themes.contiguous()}, str(new)))


def load_themes(name: str | Path) -> Float[Tensor, "V K"] | None:
    """The themes shipped with a world or saved in a folder; None where there are none."""
    path = DATA / name / FILE if (DATA / name / "config.json").exists() else Path(name) / FILE
    return load_file(str(path))["themes"] if path.exists() else None
