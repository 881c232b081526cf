import pytest
import torch

from rlhf_edu.rl.distributions import Categorical, Gaussian


def test_categorical_agrees_with_torch():
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    ours, theirs = Categorical(logits), torch.distributions.Categorical(logits=logits)
    act = torch.tensor([0, 3, 2, 1, 1])
    assert torch.allclose(ours.logp(act), theirs.log_prob(act))
    assert torch.allclose(ours.entropy(), theirs.entropy())
    assert torch.equal(ours.mode(), theirs.probs.argmax(-1))


def test_categorical_samples_in_proportion():
    p = torch.tensor([0.5, 0.2, 0.3, 0.0])
    act = Categorical(p.log().expand(50_000, 4)).sample(torch.Generator().manual_seed(1))
    assert (torch.bincount(act, minlength=4) / 50_000).tolist() == pytest.approx(p.tolist(), abs=0.01)


def test_gaussian_agrees_with_torch():
    g = torch.Generator().manual_seed(0)
    mean, log_std, act = torch.randn(5, 2, generator=g), torch.tensor([-1.0, 0.5]), torch.randn(5, 2, generator=g)
    ours, theirs = Gaussian(mean, log_std), torch.distributions.Normal(mean, log_std.exp())
    assert torch.allclose(ours.logp(act), theirs.log_prob(act).sum(-1), atol=1e-5)
    assert torch.allclose(ours.entropy(), theirs.entropy().sum(-1))
    assert torch.equal(ours.mode(), mean)
    sample = Gaussian(torch.tensor([1.0, -2.0]).expand(50_000, 2), log_std).sample(g)
    assert sample.mean(0).tolist() == pytest.approx([1.0, -2.0], abs=0.03)
    assert sample.std(0).tolist() == pytest.approx(log_std.exp().tolist(), rel=0.02)


def test_the_same_generator_gives_the_same_sample():
    logits = torch.zeros(20, 3)
    first, second = (Categorical(logits).sample(torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, second)
