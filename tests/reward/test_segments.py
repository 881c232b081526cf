"""Clips: cut without mixing episodes, summed step by step, and a hidden liking that the choices reveal."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rlhf_edu.envs import make_vec
from rlhf_edu.reward.fit import FitRewardConfig, fit_reward
from rlhf_edu.reward.labels import FIRST, SECOND, Labels
from rlhf_edu.reward.segments import (
    ClipsConfig,
    Pay,
    Segment,
    SegmentScorer,
    cut,
    disagreement,
    inputs,
    learn_from_clips,
    pairs_to_ask,
)
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.relabel import Relabelled


def played(T: int = 40, E: int = 3, seed: int = 0, ends: float = 0.05, limits: float = 0.03) -> SimpleNamespace:
    """Steps whose first number says which episode and environment they belong to."""
    rng = np.random.default_rng(seed)
    chance = rng.random((T, E))
    terminated, truncated = chance < ends, (chance >= ends) & (chance < ends + limits)
    episode = np.cumsum(np.vstack([np.zeros((1, E)), (terminated | truncated)[:-1]]), 0) + 100 * np.arange(E)
    obs = np.stack([episode, rng.normal(size=(T, E))], -1).astype(np.float32)
    return SimpleNamespace(obs=obs, act=rng.integers(2, size=(T, E)), terminated=terminated, truncated=truncated)


def test_inputs_put_whole_numbers_one_hot_and_keep_real_ones():
    obs = np.array([[0.5, -1.0]], np.float32)
    assert inputs(obs, np.array([2]), 3).tolist() == [[0.5, -1.0, 0.0, 0.0, 1.0]]
    assert inputs(obs, np.array([[0.25]], np.float32), 1).tolist() == [[0.5, -1.0, 0.25]]


def test_inputs_leave_actions_out_where_the_person_does_not_see_them():
    steps = played()
    assert inputs(steps.obs, steps.act, 0).tolist() == steps.obs.tolist()
    assert cut(steps, 8, 5, 0, np.random.default_rng(1))[0].x.shape == (8, 2)
    torch.manual_seed(8)
    scorer = SegmentScorer(2, (8,))
    torch.nn.init.normal_(scorer.head[-1].linear.weight)
    others = SimpleNamespace(**vars(steps) | dict(act=1 - steps.act))
    pay = Pay([scorer], 0, steps)
    assert pay(others).tolist() == pay(steps).tolist()
    assert pay(steps).std() > 0.1


def test_a_clip_never_runs_on_into_the_next_episode():
    steps = played()
    clips = cut(steps, 8, 200, 2, np.random.default_rng(1))
    assert len(clips) == 200
    assert {clip.n for clip in clips} > {8}
    for clip in clips:
        assert len({row[0] for row in clip.x[: clip.n].tolist()}) == 1
        assert (clip.x[clip.n :] == 0).all()
        assert clip.x[0, 1] == steps.obs[clip.start, clip.column, 1]
        if clip.n < 8:  # only a terminal state ends a clip early
            assert steps.terminated[clip.start + clip.n - 1, clip.column]
        assert not steps.truncated[clip.start : clip.start + clip.n - 1, clip.column].any()


def clip(*numbers: float, length: int = 4) -> Segment:
    x = np.zeros((length, 1), np.float32)
    x[: len(numbers), 0] = numbers
    return Segment(x, len(numbers))


def test_a_clips_reward_is_the_sum_over_the_steps_that_happened():
    torch.manual_seed(1)
    scorer, clips = SegmentScorer(1, (8,)), [clip(1, 2, 3, 4), clip(1, 2), clip(-1)]
    torch.nn.init.normal_(scorer.head[-1].linear.weight)
    torch.nn.init.constant_(scorer.head[-1].linear.bias, 0.3)
    scorer.settle(scorer.features(clips))
    happened = np.array([1, 2, 3, 4, 1, 2, -1])
    assert scorer.centre.item() == pytest.approx(happened.mean())
    assert scorer.scale.item() == pytest.approx(happened.std())
    for c, total in zip(clips, scorer(clips).tolist(), strict=True):
        one_by_one = sum(scorer.step_reward(torch.tensor([[float(v)]])).item() for v in c.x[: c.n, 0])
        assert total == pytest.approx(one_by_one, abs=1e-5)


def test_clips_that_end_fix_the_zero():
    """Whoever prefers going on to ending gives every step a positive reward, and whoever does not a negative one."""
    short, long = clip(0.1), clip(0.1, 0.0, -0.1, 0.05)
    for outcome, sign in ((SECOND, 1), (FIRST, -1)):
        labels = Labels([short, long], pairs=torch.tensor([[0, 1]]), outcome=torch.tensor([outcome]))
        torch.manual_seed(2)
        scorer = SegmentScorer(1, (8,))
        fit_reward(scorer, labels, FitRewardConfig(steps=60, lr=0.02, prior=1e-2)).run()
        assert sign * scorer.step_reward(torch.tensor([[0.0]])).item() > 0.1


def test_choices_between_sums_reveal_the_reward_of_a_step():
    rng = np.random.default_rng(3)
    clips = [clip(*rng.uniform(-2, 2, size=4)) for _ in range(200)]
    liked = [sum(max(0.0, 1 - abs(v - 0.5)) for v in c.x[:, 0]) for c in clips]
    pairs = rng.integers(200, size=(150, 2))
    outcome = [FIRST if liked[a] > liked[b] else SECOND for a, b in pairs]
    torch.manual_seed(4)
    scorer = SegmentScorer(1)
    labels = Labels(clips, pairs=torch.tensor(pairs), outcome=torch.tensor(outcome))
    fit_reward(scorer, labels, FitRewardConfig(steps=200, lr=0.01, prior=1e-4)).run()
    at = np.linspace(-2, 2, 41)
    found = scorer.step_reward(torch.tensor(at[:, None], dtype=torch.float32)).detach().numpy()
    assert np.corrcoef(found, np.maximum(0, 1 - np.abs(at - 0.5)))[0, 1] > 0.85
    assert at[found.argmax()] == pytest.approx(0.5, abs=0.4)


def test_the_models_are_asked_about_what_they_disagree_on():
    torch.manual_seed(5)
    scorers = [SegmentScorer(1, (8,)) for _ in range(3)]
    for scorer in scorers:
        torch.nn.init.normal_(scorer.head[-1].linear.weight)
    clips = [clip(*row) for row in np.random.default_rng(6).normal(size=(30, 4))]
    pairs = np.array([[0, 1], [2, 3], [4, 4]])
    with torch.no_grad():
        r = np.stack([scorer(clips).numpy() for scorer in scorers])
    by_hand = [np.var([1 / (1 + np.exp(r[m, b] - r[m, a])) for m in range(3)]) for a, b in pairs]
    assert disagreement(scorers, clips, pairs).tolist() == pytest.approx(by_hand, abs=1e-6)
    asked = pairs_to_ask(scorers, clips, 10, 20, np.random.default_rng(7))
    random = pairs_to_ask(scorers, clips, 10, 1, np.random.default_rng(7))
    assert all(a != b for a, b in asked + random)
    mean = [disagreement(scorers, clips, np.array(p)).mean() for p in (asked, random)]
    assert mean[0] > 1.5 * mean[1]


def test_pay_changes_the_unit_and_never_the_zero():
    torch.manual_seed(8)
    steps = played()
    scorers = [SegmentScorer(4, (8,)) for _ in range(2)]
    for scorer, size in zip(scorers, (1.0, 50.0), strict=True):
        torch.nn.init.normal_(scorer.head[-1].linear.weight, std=size)
    pay = Pay(scorers, 2, steps)
    assert (pay.opinions(steps) ** 2).mean((1, 2)) == pytest.approx([1.0, 1.0], abs=1e-3)
    x = torch.as_tensor(inputs(steps.obs, steps.act, 2))
    raw = [scorer.step_reward(x).detach().numpy() for scorer in scorers]
    assert pay(steps) == pytest.approx(np.mean([r / np.linalg.norm(r) * r.size**0.5 for r in raw], 0), abs=1e-3)


def test_pay_stays_small_where_all_steps_are_worth_nearly_the_same():
    """In standard deviations such rewards would be hundreds, and no value function would catch up with them."""
    torch.manual_seed(8)
    steps, scorer = played(), SegmentScorer(4, (8,))
    torch.nn.init.normal_(scorer.head[-1].linear.weight, std=1e-3)
    torch.nn.init.constant_(scorer.head[-1].linear.bias, 0.7)
    pay = Pay([scorer], 2, steps)
    assert np.abs(pay(steps) - 1).max() < 0.1


def test_where_no_clip_ended_5_more_for_every_step_pays_the_same():
    """Choices between sums of as many terms cannot tell two such models apart, so they must not pay differently."""
    torch.manual_seed(8)
    steps, scorers = played(), [SegmentScorer(4, (8,)) for _ in range(2)]
    for scorer in scorers:
        torch.nn.init.normal_(scorer.head[-1].linear.weight)
    before = [Pay(scorers, 2, steps, zero_known=known)(steps) for known in (False, True)]
    raw = [scorer.step_reward(torch.as_tensor(inputs(steps.obs, steps.act, 2))).detach().numpy() for scorer in scorers]
    by_hand = np.mean([(r - r.mean()) / r.std() for r in raw], 0)
    assert before[0] == pytest.approx(by_hand, abs=1e-3)
    with torch.no_grad():
        for scorer in scorers:
            scorer.head[-1].linear.bias += 5.0
    after = [Pay(scorers, 2, steps, zero_known=known)(steps) for known in (False, True)]
    assert after[0] == pytest.approx(before[0], abs=1e-3)
    assert np.abs(after[1] - before[1]).max() > 0.3


@pytest.mark.parametrize(("ends", "mean_is_off"), [(0.0, True), (0.2, False)])
def test_the_loop_keeps_the_zero_exactly_where_clips_ended(ends, mean_is_off):
    torch.manual_seed(9)
    steps = played(ends=ends, limits=0.0)
    env = SimpleNamespace(reward=None, true_ret=0.0, take=lambda: steps)
    config = ClipsConfig(rounds=1, comparisons=10, length=8, candidates=2, fit=FitRewardConfig(steps=20, lr=0.02))
    learn_from_clips(
        [SegmentScorer(4, (8,)) for _ in range(2)],
        env,
        lambda turn: [{}],
        lambda a, b: FIRST if a.x[:, 1].sum() + a.n > b.x[:, 1].sum() + b.n else SECOND,
        config,
        n_actions=2,
        rng=np.random.default_rng(3),
    ).run()
    assert (abs(env.reward(steps).mean()) < 1e-3) == mean_is_off


def test_the_whole_loop_teaches_a_liking_for_one_action():
    torch.manual_seed(9)
    env, rng = Relabelled(make_vec("CartPole-v1", 4)), np.random.default_rng(10)
    policy, answered = actor_critic(env, (16,)), []

    def judge(a: Segment, b: Segment) -> int | None:
        """Likes to go right (action 1: the last number), whatever happens to the pole; now and then does not answer."""
        answered.append(len(answered) % 5 != 4)
        rights = [c.x[: c.n, 5].mean() for c in (a, b)]
        return (FIRST if rights[0] > rights[1] else SECOND) if answered[-1] else None

    config = ClipsConfig(rounds=2, comparisons=20, length=8, candidates=3, fit=FitRewardConfig(steps=60, lr=0.02))
    scorers = [SegmentScorer(6, (8,)) for _ in range(2)]
    settings = PPOConfig(steps=640, n_steps=32, epochs=2, lr=0.01)
    run = learn_from_clips(
        scorers, env, lambda turn: ppo(policy, env, settings, rng=rng), judge, config, n_actions=2, rng=rng
    )
    records = run.run()
    assert [r["round"] for r in records] == [0] * 5 + [1] * 5 + [2] * 5
    assert [r["comparisons"] for r in records[::5]] == [0, 16, 32]
    assert records[0]["ret"] == 0  # nothing is paid before anything is known
    assert isinstance(env.reward, Pay)
    left, right = (torch.tensor([[0.0, 0, 0, 0, 1 - a, a]]) for a in (0, 1))
    for scorer in scorers:
        assert scorer.step_reward(right).item() > scorer.step_reward(left).item() + 0.1


def test_clips_that_cannot_be_cut_or_compared_are_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="a clip of 50 steps was asked for, but there are 40"):
        cut(played(), 50, 3, 2, rng)
    with pytest.raises(ValueError, match="clips fit between time limits"):
        cut(played(ends=0.0, limits=1.0), 8, 3, 2, rng)
    with pytest.raises(ValueError, match="1 clip came"):
        pairs_to_ask([SegmentScorer(1)], [clip(1, 2)], 3, 2, rng)
    with pytest.raises(ValueError, match="rounds is 0"):
        ClipsConfig(rounds=0)
    scorer = SegmentScorer(1)
    with pytest.raises(ValueError, match="have the same features"):
        scorer.settle(scorer.features([clip(1, 1), clip(1)]))
