"""GAIL and AIRL: their equations by hand, what an episode's end is worth, and an expert that is found out."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from rlhf_edu.envs import make_vec
from rlhf_edu.reward.adversarial import (
    AdversarialConfig,
    AIRLJudge,
    GAILJudge,
    Moves,
    adversarial,
    judge_loss,
    log_policy,
    moves_of,
    pay,
)
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.relabel import Relabelled


def moves(seed: int, n: int = 12, ends: bool = True) -> Moves:
    g = torch.Generator().manual_seed(seed)
    terminated = (torch.rand(n, generator=g) < 0.3) & ends
    obs, reached = torch.randn(2, n, 3, generator=g)
    return Moves(obs, torch.randint(2, (n,), generator=g), reached, terminated, torch.zeros(n, dtype=torch.bool))


class Even:
    """A policy that takes either action with probability ½."""

    def policy(self, obs):
        from rlhf_edu.rl.distributions import Categorical

        return Categorical(torch.zeros(len(obs), 2))


def test_the_loss_is_cross_entropy_and_log_2_for_a_coin():
    expert, agent = torch.randn(9, generator=torch.Generator().manual_seed(1)), torch.tensor([0.3, -2.0, 1.0])
    p = torch.sigmoid(torch.cat([expert, agent])).double().numpy()
    weights = np.r_[np.full(9, 1 / 9), np.full(3, 1 / 3)]
    assert judge_loss(expert, agent).item() == pytest.approx(
        log_loss([1] * 9 + [0] * 3, p, sample_weight=weights), abs=1e-6
    )
    assert judge_loss(torch.zeros(4), torch.zeros(2)).item() == pytest.approx(math.log(2))
    assert judge_loss(torch.tensor([200.0]), torch.tensor([-200.0])).item() == 0.0


def test_gail_pays_the_log_of_not_being_found_out():
    torch.manual_seed(2)
    judge, some = GAILJudge(3, 2), moves(3)
    logp = log_policy(Even(), some)
    with torch.no_grad():
        d = torch.sigmoid(judge.logits(some, logp))
        assert judge.reward(some, logp).tolist() == pytest.approx((-torch.log(1 - d)).tolist(), abs=1e-5)
    swapped = Moves(some.obs, 1 - some.act, some.reached, some.terminated, some.gone)
    assert not torch.allclose(judge.logits(swapped, logp), judge.logits(some, logp))


def test_airl_divides_by_the_policy_and_its_shaping_cancels_along_a_path():
    torch.manual_seed(4)
    judge = AIRLJudge(3, gamma=0.9)
    path = torch.randn(7, 3)
    none = torch.zeros(6, dtype=torch.bool)
    some = Moves(path[:-1], torch.zeros(6).long(), path[1:], none, none)
    logp = torch.log(torch.linspace(0.1, 0.9, 6))
    with torch.no_grad():
        f = judge.f(some)
        d = torch.sigmoid(judge.logits(some, logp))
        assert d.tolist() == pytest.approx((f.exp() / (f.exp() + logp.exp())).tolist(), abs=1e-5)
        assert judge.reward(some, logp).tolist() == pytest.approx((d.log() - (1 - d).log()).tolist(), abs=1e-4)
        over = torch.zeros(7, dtype=torch.bool)
        g, h = (net(judge.measure(path, over))[:, 0] for net in (judge.g, judge.h))
        discounts = 0.9 ** torch.arange(6)
        whole = (discounts * g[:-1]).sum() + 0.9**6 * h[-1] - h[0]
        assert (discounts * f).sum().item() == pytest.approx(whole.item(), abs=1e-5)


@pytest.mark.parametrize("make", [lambda: GAILJudge(3, 2), lambda: AIRLJudge(3, 0.9)])
def test_the_end_is_one_place_however_it_was_reached_and_is_paid_for_ever(make):
    torch.manual_seed(5)
    judge, some = make(), moves(6)
    end = some.after_the_end()
    assert len(end) == int(some.terminated.sum()) > 1
    worth = judge.reward(end, log_policy(Even(), end)).detach()
    assert worth.std() < 1e-6  # state and action do not matter any more
    assert (log_policy(Even(), end) == 0).all()
    plain, paid = (pay(judge, Even(), some, after) for after in (0.0, 0.9 / 0.1))
    by_hand = sum(0.9**k * worth[0].item() for k in range(1, 400))
    for i in range(len(some)):
        assert (paid - plain)[i].item() == pytest.approx(by_hand if some.terminated[i] else 0.0, abs=1e-4)
    assert len(some.with_ends()) == len(some) + len(end)
    assert len(moves(6, ends=False).with_ends()) == 12


def test_the_judge_finds_the_ratio_of_two_crowds():
    """The best D is p/(p + q), so its logit is log p/q: for normal crowds at ±½ simply the place."""
    g = torch.Generator().manual_seed(7)
    x = torch.randn(8000, 1, generator=g)
    off = torch.zeros(8000, dtype=torch.bool)
    crowd = [Moves(x + s, off.long(), x, off, off) for s in (0.5, -0.5)]
    torch.manual_seed(8)
    judge = GAILJudge(1, 1, hidden=16)
    optimizer = torch.optim.Adam(judge.parameters(), lr=0.01)
    for _ in range(200):
        loss = judge_loss(*(judge.logits(m, torch.zeros(8000)) for m in crowd))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    at = torch.linspace(-1, 1, 5)[:, None]
    five = torch.zeros(5, dtype=torch.bool)
    found = judge.logits(Moves(at, five.long(), at, five, five), torch.zeros(5)).detach()
    assert found.tolist() == pytest.approx(at[:, 0].tolist(), abs=0.25)


def lessons(n: int = 400) -> Moves:
    """The expert of the probe: action 1 where the observation is 1, else action 0; every episode is one step."""
    obs = torch.tensor([[-1.0], [1.0]]).repeat(n // 2, 1)
    yes = torch.ones(n, dtype=torch.bool)
    return Moves(obs, (obs[:, 0] > 0).long(), torch.zeros(n, 1), yes, ~yes)


def test_a_pupil_of_gail_ends_up_doing_what_the_expert_does():
    torch.manual_seed(9)
    env, rng = Relabelled(make_vec("rlhf_edu/ProbeObservationAction-v0", 8)), np.random.default_rng(10)
    policy = actor_critic(env, (16,))
    learner = ppo(policy, env, PPOConfig(steps=6000, n_steps=16, epochs=4, batch_size=64, lr=0.01), rng=rng)
    config = AdversarialConfig(gamma=0.5)
    records = adversarial(GAILJudge(1, 2), env, lessons(), learner, policy, config, rng=rng).run()
    assert {"judge_loss", "told_apart", "true_ret", "ret", "step"} <= set(records[-1])
    assert records[0]["true_ret"] < 0.5
    assert records[-1]["true_ret"] > 0.9


@pytest.mark.parametrize("agent", [0.5, 0.8])
def test_airl_recovers_the_experts_policy_whatever_the_agent_does(agent):
    """Where a step leads to 0 or 1 as chosen, D = π_E/(π_E + π) makes f = log π_E, which is the soft advantage (section 5)."""
    torch.manual_seed(11)
    g, n, chance = torch.Generator().manual_seed(12), 8000, 0.9
    judge, crowds = AIRLJudge(1, gamma=0.9, hidden=8), []
    for p in (chance, agent):
        act = (torch.rand(n, generator=g) < p).long()
        no = torch.zeros(n, dtype=torch.bool)
        logp = torch.where(
            act == 1, math.log(agent), math.log(1 - agent)
        )  # always the agent's, also for the expert's steps
        crowds.append((Moves(torch.full((n, 1), 0.5), act, act[:, None].float(), no, no), logp))
    optimizer = torch.optim.Adam(judge.parameters(), lr=0.02)
    for _ in range(200):
        loss = judge_loss(*(judge.logits(*crowd) for crowd in crowds))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ends = torch.tensor([[0.0], [1.0]])
    no = torch.zeros(2, dtype=torch.bool)
    f = judge.f(Moves(torch.full((2, 1), 0.5), torch.tensor([0, 1]), ends, no, no)).detach()
    assert f.tolist() == pytest.approx([math.log(1 - chance), math.log(chance)], abs=0.15)


def test_steps_become_one_batch():
    env = Relabelled(make_vec("CartPole-v1", 2))
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.array([0, 1]))
    flat = moves_of(env.take())
    assert flat.obs.shape == (6, 4)
    assert flat.act.tolist() == [0, 1] * 3
    assert not flat.gone.any()


def test_an_expert_who_shows_nothing_is_refused():
    env = Relabelled(make_vec("rlhf_edu/ProbeConstant-v0", 2))
    none = torch.zeros(0, dtype=torch.bool)
    for expert in (Moves(torch.zeros(0, 1), none.long(), torch.zeros(0, 1), none, none), lessons()[[1, 3, 5]]):
        with pytest.raises(ValueError, match="steps of the expert came, none or all the same"):
            next(adversarial(GAILJudge(1, 2), env, expert, [], None, rng=np.random.default_rng(1)))
    for bad in (dict(lr=0.0), dict(updates=0), dict(gamma=1.0)):
        with pytest.raises(ValueError, match=next(iter(bad))):
            AdversarialConfig(**bad)
