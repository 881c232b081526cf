"""Every formula of ops.py computed a second way: plain loops, enumeration, or a large sample."""

import math

import pytest
import torch

from rlhf_edu.ops import entropy, kl_exact, kl_k1, kl_k2, kl_k3, masked_mean, masked_var, token_logp, whiten


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_masked_statistics_equal_plain_statistics_of_the_kept_values():
    x, mask = normal(4, 7, seed=1), normal(4, 7, seed=2) > 0
    kept = [x[i, j].item() for i in range(4) for j in range(7) if mask[i, j]]
    mean = sum(kept) / len(kept)
    assert masked_mean(x, mask).item() == pytest.approx(mean, abs=1e-6)
    assert masked_var(x, mask).item() == pytest.approx(sum((v - mean) ** 2 for v in kept) / len(kept), abs=1e-6)


def test_nan_outside_the_mask_does_no_harm_even_to_gradients():
    x = torch.tensor([1.0, float("nan"), 3.0], requires_grad=True)
    mask = torch.tensor([True, False, True])
    mean = masked_mean(x, mask)
    mean.backward()
    assert mean.item() == 2.0
    assert x.grad.tolist() == [0.5, 0.0, 0.5]


def test_an_empty_mask_gives_zero():
    assert masked_mean(torch.ones(3), torch.zeros(3, dtype=torch.bool)).item() == 0.0


@pytest.mark.parametrize("shift", [True, False])
def test_whitening_gives_unit_variance_and_keeps_the_mean_only_when_told(shift):
    x, mask = 3 + 2 * normal(5, 6, seed=3), normal(5, 6, seed=4) > -0.5
    w = whiten(x, mask, shift_mean=shift)
    assert masked_var(w, mask).item() == pytest.approx(1, abs=1e-4)
    assert masked_mean(w, mask).item() == pytest.approx(0 if shift else masked_mean(x, mask).item(), abs=1e-4)
    assert not w[~mask].any()


def test_token_logp_equals_softmax_by_hand_in_bfloat16_too():
    logits, ids = normal(2, 3, 5, seed=5), torch.tensor([[0, 4, 2], [3, 3, 1]])
    for dtype in (torch.float32, torch.bfloat16):
        rounded = logits.to(dtype)
        got = token_logp(rounded, ids)
        assert got.dtype == torch.float32
        for b in range(2):
            for t in range(3):
                weights = [math.exp(v) for v in rounded[b, t].tolist()]
                assert got[b, t].item() == pytest.approx(math.log(weights[ids[b, t]] / sum(weights)), abs=1e-5)


def test_entropy_and_exact_kl_by_enumeration():
    p, q = normal(6, seed=6).softmax(0), normal(6, seed=7).softmax(0)
    assert entropy(p.log()).item() == pytest.approx(-sum(a * math.log(a) for a in p.tolist()), abs=1e-6)
    by_hand = sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist(), strict=True))
    assert kl_exact(p.log(), q.log()).item() == pytest.approx(by_hand, abs=1e-6)


def test_the_expectation_of_k1_and_k3_is_the_kl_and_k2_is_biased():
    """Weights the estimators with π exactly instead of sampling, so a reversed sign cannot hide in noise."""
    p, q = normal(8, seed=8).softmax(0), normal(8, seed=9).softmax(0)
    exact = kl_exact(p.log(), q.log()).item()
    assert (p * kl_k1(p.log(), q.log())).sum().item() == pytest.approx(exact, abs=1e-5)
    assert (p * kl_k3(p.log(), q.log())).sum().item() == pytest.approx(exact, abs=1e-5)
    assert abs((p * kl_k2(p.log(), q.log())).sum().item() - exact) > 0.01
    assert (kl_k3(p.log(), q.log()) >= 0).all()
    assert (kl_k1(p.log(), q.log()) < 0).any()


def test_k3_keeps_tiny_values_that_subtraction_would_lose():
    logp, ref = torch.tensor([-1.0]), torch.tensor([-1.0 + 1e-3])
    d = (ref - logp).double()
    assert kl_k3(logp, ref).item() == pytest.approx((d.exp() - 1 - d).item(), rel=0.15)
