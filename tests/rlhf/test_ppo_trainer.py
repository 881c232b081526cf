"""The PPO trainer watched from inside: what goes into its losses, and what it changes."""

import copy
import inspect

import pytest
import tiny
import torch
from ppo_runs import Bench, alone, likes_low_ids, slow_scores
from torch import nn

from rlhf_edu.lm.gpt2 import GPT2
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import Completions
from rlhf_edu.ops import masked_mean
from rlhf_edu.rlhf import ppo as module
from rlhf_edu.rlhf.ppo import score_tokens


@pytest.fixture
def spy(monkeypatch):
    """Notes the arguments of every call of a function of the ppo module, or of one that its caller may replace."""
    own = inspect.unwrap(module.ppo).__kwdefaults__

    def watch(name):
        calls, original = [], own.get(name) or getattr(module, name)

        def noted(*args, **kw):
            calls.append(args)
            return original(*args, **kw)

        monkeypatch.setitem(own, name, noted) if name in own else monkeypatch.setattr(module, name, noted)
        return calls

    return watch


def random_head(seed: int) -> ScalarHead:
    head = ScalarHead(tiny.WIDTH)
    nn.init.normal_(head.linear.weight, generator=torch.Generator().manual_seed(seed))
    return head


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_a_text_alone_or_padded_in_a_batch_gets_the_same_logp_and_values(temperature):
    model, head = tiny.gpt2(3), random_head(4)
    done = tiny.written(model, seed=5, n=8, temperature=temperature)
    logp, values, _ = score_tokens(model, done, temperature, head)
    assert len({int(n) for n in done.mask.sum(1)}) > 3  # ragged on both sides
    for b in range(8):
        one_logp, one_values, _ = score_tokens(model, alone(done, b), temperature, head)
        assert torch.allclose(logp[b][done.new_mask[b]], one_logp[0], atol=1e-4)
        assert torch.allclose(values[b][done.new_mask[b]], one_values[0], atol=1e-4)
        slow = [x for x, _ in slow_scores(model, done, b, temperature)]
        assert logp[b][done.new_mask[b]].tolist() == pytest.approx(slow, abs=1e-4)
    assert logp[~done.new_mask].abs().sum() == 0
    assert torch.allclose(logp, done.logp, atol=1e-4)  # rollout and update speak of one distribution


def test_a_value_is_read_before_its_token():
    """The value of the state in which a token is chosen must not know the token."""
    model, head, done = tiny.gpt2(3), random_head(4), tiny.written(tiny.gpt2(3), seed=5)
    changed = Completions(done.ids.clone(), done.mask, done.logp)
    changed.ids[:, -5] = (changed.ids[:, -5] + 1) % tiny.VOCAB
    v, w = (score_tokens(model, d, 1.0, head)[1] for d in (done, changed))
    assert torch.allclose(v[:, :-4], w[:, :-4], atol=1e-6)
    assert not torch.allclose(v[:, -4:], w[:, -4:], atol=1e-3)


def test_the_value_head_starts_at_zero_and_dropout_does_not_exist():
    assert torch.equal(ScalarHead(8)(torch.randn(3, 8)), torch.zeros(3))
    model, ids = tiny.gpt2(1), torch.tensor([[3, 4, 5]])
    assert not any("dropout" in type(m).__name__.lower() for m in GPT2(model.config).modules())
    mask = torch.ones_like(ids, dtype=torch.bool)
    assert torch.equal(model.train()(ids, mask).logits, model.eval()(ids, mask).logits)


def test_in_the_first_minibatch_nothing_has_moved():
    record = next(Bench().run(epochs=1, minibatches=1))
    assert record["ratio"] == pytest.approx(1.0, abs=1e-6)
    assert record["clip_fraction"] == 0.0
    assert record["approx_kl"] == pytest.approx(0.0, abs=1e-9)
    assert record["kl_nats"] == pytest.approx(0.0, abs=1e-4)


def test_every_single_ratio_of_the_first_minibatch_is_one(spy):
    calls = spy("policy_loss")
    records = Bench().run(temperature=0.8).run()
    assert [r["first_ratio"] for r in records] == pytest.approx([1.0] * 5, abs=1e-5)
    for logp, logp_old, *_ in calls[::4]:  # two epochs of two minibatches a step
        assert torch.allclose(logp.exp() / logp_old.exp(), torch.ones_like(logp), atol=1e-4)
    assert not torch.allclose(calls[3][0], calls[3][1], atol=1e-3)  # by the last minibatch the policy has moved


def test_what_the_losses_get(spy):
    """Whitened advantages, returns from the raw ones, everything detached, padding at 0, first guesses included."""
    pi, vf = spy("policy_loss"), spy("value_loss")
    raw = []

    def advantages(rewards, values, mask):
        raw.append(module.token_gae(rewards, values, mask))
        return raw[-1]

    guess = lambda done: done.new_mask * 0.5  # noqa: E731
    next(Bench().run(epochs=1, minibatches=1, advantages=advantages, expected=guess))
    (logp, logp_old, adv, mask, _), (values, values_old, returns, *_) = pi[0], vf[0]
    assert logp.requires_grad
    assert values.requires_grad
    assert not any(x.requires_grad for x in (logp_old, adv, values_old, returns))
    real = adv[mask].tolist()
    mean = sum(real) / len(real)
    assert mean == pytest.approx(0.0, abs=1e-5)
    assert sum((a - mean) ** 2 for a in real) / len(real) == pytest.approx(1.0, abs=1e-3)
    assert torch.allclose(values_old[mask], torch.full_like(values_old[mask], 0.5))  # the head starts at 0
    assert torch.allclose(values[mask], values_old[mask], atol=1e-5)
    returned, expected = (x.sort().values for x in (returns[mask], (raw[0] + 0.5)[raw[0] != 0]))
    assert torch.allclose(returned, expected, atol=1e-5)
    assert returns[mask].std() != pytest.approx(1.0, abs=0.05)


def test_the_score_is_paid_at_the_last_token_and_a_text_without_end_gets_the_fixed_low_one():
    seen = []

    def advantages(rewards, values, mask):
        seen.append((rewards, mask))
        return module.token_gae(rewards, values, mask)

    texts = []
    next(
        Bench().run(
            batch=40, beta=0.0, missing_eos=-7.0, advantages=advantages, watch_texts=lambda d: texts.append(d) or {}
        )
    )
    (rewards, mask), done = seen[0], texts[0]
    scores, kinds = likes_low_ids(done), set()
    for b in range(40):
        last = int(mask[b].sum()) - 1
        ends = tiny.EOS in done.new_ids[b].tolist()
        kinds.add(ends)
        assert rewards[b, last].item() == pytest.approx(scores[b].item() if ends else -7.0, abs=1e-5)
        assert rewards[b].abs().sum().item() == pytest.approx(abs(rewards[b, last].item()))
    assert kinds == {True, False}


def test_each_epoch_uses_the_whole_batch_in_a_fresh_order(spy):
    calls = spy("score_tokens")
    next(Bench().run(batch=10, epochs=3, minibatches=4))
    updates = [args[1] for args in calls[1:]]  # the first is the reference; the policy noted its own log-probs
    assert len(updates) % 3 == 0
    per = len(updates) // 3
    orders = [torch.cat([part.ids for part in updates[e * per : (e + 1) * per]]).tolist() for e in range(3)]
    whole = sorted(calls[0][1].ids.tolist())
    assert all(sorted(order) == whole for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_only_policy_and_value_head_learn():
    bench = Bench()
    reference, policy = copy.deepcopy(bench.reference.state_dict()), bench.weights()
    bench.run().run()
    assert all(torch.equal(w, reference[k]) for k, w in bench.reference.state_dict().items())
    assert all(p.grad is None for p in bench.reference.parameters())
    assert not torch.equal(bench.weights(), policy)
    assert bench.head.linear.weight.abs().sum() > 0
    mine, theirs = ({p.data_ptr() for p in m.parameters()} for m in (bench.policy, bench.reference))
    assert not mine & theirs


def test_adam_with_its_epsilon_a_falling_rate_and_clipped_gradients(monkeypatch):
    made, norms = [], []

    class Noted(torch.optim.Adam):
        def __init__(self, *args, **kw):
            super().__init__(*args, **kw)
            made.append(self)

        def step(self, *args, **kw):
            grads = [p.grad.flatten() for group in self.param_groups for p in group["params"] if p.grad is not None]
            norms.append(torch.cat(grads).norm().item())
            return super().step(*args, **kw)

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    bench, rates, logged = Bench(), [], []
    for record in bench.run(steps=4, lr=2e-3, vf_coef=50.0):
        rates.append(made[0].param_groups[0]["lr"])
        logged.append(record["grad_norm"])
    assert made[0].param_groups[0]["eps"] == 1e-5
    assert rates == pytest.approx([2e-3, 1.5e-3, 1e-3, 0.5e-3])
    assert max(norms) <= 1.0 + 1e-4
    assert max(logged) > 1.0  # what is logged is the norm before clipping, and here it did clip
    trained = {id(p) for group in made[0].param_groups for p in group["params"]}
    assert trained == {id(p) for p in (*bench.policy.parameters(), *bench.head.parameters())}


def test_a_policy_that_runs_away_is_stopped_and_the_record_says_so(monkeypatch):
    steps, original = [], torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self, *a, **k: steps.append(1) or original(self, *a, **k))
    record = next(Bench().run(lr=0.3, epochs=10, minibatches=2))
    assert record["stopped"] == 1.0
    assert 1 <= len(steps) < 20
    calm = next(Bench().run(lr=1e-4, epochs=2, minibatches=2))
    assert calm["stopped"] == 0.0


def test_temperature_counts_for_the_reference_too():
    """Policy and reference are equal, so their KL is 0 at any temperature; a forgotten division would show here."""
    record = next(Bench().run(temperature=0.5))
    assert record["kl_nats"] == pytest.approx(0.0, abs=1e-4)
    assert record["entropy"] < next(Bench().run())["entropy"]


def test_a_masked_mean_never_sees_padding():
    x = torch.tensor([[1.0, float("nan")], [3.0, float("inf")]])
    assert masked_mean(x, torch.tensor([[True, False], [True, False]])).item() == 2.0
