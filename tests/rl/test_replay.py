import numpy as np
import pytest

from rlhf_edu.rl.replay import Replay, SumTree


def filled(steps, seed=0, n_envs=3, **options):
    """A replay whose observation says (time, environment), and the plain list of everything put into it."""
    rng, replay, log = np.random.default_rng(seed), Replay(n_envs=n_envs, obs_size=2, **options), []
    for t in range(steps):
        obs = np.array([[t, e] for e in range(n_envs)], np.float32)
        rew = rng.normal(size=n_envs)
        terminated, truncated = rng.random(n_envs) < 0.15, rng.random(n_envs) < 0.15
        truncated &= ~terminated
        reached = obs + np.array([0.5, 0])  # no row of `obs`: only `next_obs` can hold it
        replay.add(obs, np.arange(n_envs) + t, rew, reached.astype(np.float32), terminated, truncated)
        log.append((rew, reached, terminated, truncated))
    return replay, log


def slow_look_ahead(log, t, e, n, gamma):
    """Sum rewards until n steps, the end of the episode, or the end of what is known."""
    total, k = 0.0, 0
    while True:
        rew, reached, terminated, truncated = log[t + k]
        total += gamma**k * rew[e]
        if terminated[e]:
            return total, reached[e], 0.0
        if truncated[e] or k + 1 == n or t + k + 1 == len(log):
            return total, reached[e], gamma ** (k + 1)
        k += 1


@pytest.mark.parametrize("n_step", [1, 2, 5])
@pytest.mark.parametrize("steps", [15, 20, 53])
@pytest.mark.parametrize("priority", [0.0, 0.6])
def test_every_draw_is_what_a_slow_walk_through_the_log_finds(n_step, steps, priority):
    replay, log = filled(steps, capacity=60, gamma=0.9, n_step=n_step, priority=priority)
    drawn = replay.sample(500, np.random.default_rng(1))
    assert len(replay) == min(steps, 20) * 3
    seen = set()
    for i in range(500):
        t, e = int(drawn.obs[i, 0]), int(drawn.obs[i, 1])
        seen.add((t, e))
        rew, reached, discount = slow_look_ahead(log, t, e, n_step, 0.9)
        assert drawn.rew[i] == pytest.approx(rew, abs=1e-5)
        assert drawn.next_obs[i].tolist() == pytest.approx(reached.tolist())
        assert drawn.discount[i] == pytest.approx(discount)
        assert drawn.act[i] == t + e
    assert {t for t, _ in seen} <= set(range(max(0, steps - 20), steps))  # older ones are forgotten
    assert len(seen) > 0.9 * min(steps, 20) * 3


def test_batches_share_out_one_draw():
    replay, _ = filled(20, capacity=60, gamma=0.9, priority=0.5)
    parts = list(replay.batches(4, 8, np.random.default_rng(2)))
    assert [part.obs.shape for part in parts] == [(8, 2)] * 4
    assert list(replay.batches(0, 8, np.random.default_rng(2))) == []


def test_a_sum_tree_draws_in_proportion():
    tree = SumTree(6)
    weights = np.array([1.0, 0.0, 2.0, 3.0, 0.5, 3.5])
    tree.set(np.arange(6), weights)
    assert tree.sums[1] == weights.sum()
    drawn = tree.draw(50_000, np.random.default_rng(0))
    assert np.bincount(drawn, minlength=6) / 50_000 == pytest.approx(weights / 10, abs=1e-3)
    tree.set(np.array([5, 5, 0]), np.array([0.0, 0.0, 4.0]))  # the same place twice in one batch
    assert tree.sums[1] == pytest.approx(4 + 2 + 3 + 0.5)
    assert tree.share(np.array([0])) == pytest.approx([4 / 9.5])


def test_priorities_and_weights_follow_schaul():
    replay, _ = filled(20, capacity=60, gamma=0.9, priority=0.5)
    errors = np.random.default_rng(0).normal(size=60)
    replay.set_priorities(np.arange(60), errors)
    p = (np.abs(errors) + 1e-3) ** 0.5
    share = p / p.sum()
    drawn = replay.sample(60_000, np.random.default_rng(1), beta=0.7)
    assert np.bincount(drawn.place, minlength=60) / 60_000 == pytest.approx(share, abs=1e-3)
    weight = (60 * share[drawn.place]) ** -0.7
    assert drawn.weight == pytest.approx(weight / weight.max(), rel=1e-5)


def test_newcomers_get_the_highest_priority_so_far():
    replay, _ = filled(5, capacity=60, gamma=0.9, priority=1.0)
    replay.set_priorities(np.array([0]), np.array([9.0]))
    replay.add(
        np.zeros((3, 2), np.float32),
        np.zeros(3, int),
        np.zeros(3),
        np.zeros((3, 2), np.float32),
        np.zeros(3, bool),
        np.zeros(3, bool),
    )
    assert replay.tree.sums[replay.tree.first + 15] == pytest.approx(9.001)


def test_a_memory_too_small_is_refused():
    with pytest.raises(ValueError, match="capacity is 2"):
        Replay(2, 3, 1, gamma=0.9)
