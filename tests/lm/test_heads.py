"""Scalar heads and the last real token, against loops."""

import pytest
import torch

from rlhf_edu.lm.heads import ScalarHead, at_last_real, last_real

MASK = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]], dtype=torch.bool)
LAST = [3, 2, 0, 3, 3]


def test_the_last_real_token_under_padding_on_either_side():
    assert last_real(MASK).tolist() == LAST
    for row, last in zip(MASK.tolist(), LAST, strict=True):
        assert max(t for t, real in enumerate(row) if real) == last


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
def test_reading_there(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    found = at_last_real(x, MASK)
    assert found.shape == shape[:1] + shape[2:]
    assert all(torch.equal(found[b], x[b, t]) for b, t in enumerate(LAST))


def test_a_row_without_tokens_is_refused():
    with pytest.raises(ValueError, match="a row has no real token"):
        last_real(torch.zeros(2, 3, dtype=torch.bool))


def test_a_head_is_a_weighted_sum_that_starts_at_zero():
    head, x = ScalarHead(3), torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    assert head(x).tolist() == [0.0, 0.0]
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[1.0, 10.0, 100.0]]))
        head.linear.bias.fill_(0.5)
    assert head(x).tolist() == pytest.approx([321.5, 100.5])
    assert head(x.view(1, 2, 3)).shape == (1, 2)
    assert head(x[0].bfloat16()).dtype == torch.float32
