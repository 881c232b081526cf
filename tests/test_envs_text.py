"""Writing as an environment: Gymnasium's own checks, every text by enumeration, and agents that find the best one."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from rlhf_edu.envs import TextEnv, make_vec
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.play import episode_returns, greedy_actions
from rlhf_edu.rl.policy_gradient import ReinforceConfig, reinforce
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.spaces import indexer
from rlhf_edu.rl.tabular import TabularConfig, make_table, q_learning

WORDS = ["", "a", "b", "c"]  # token 0 ends the text
END, N = 0, 4


def decode(ids):
    return "".join(WORDS[i] for i in ids)


def changes(text: str) -> float:
    """One point for each letter that differs from the one before it, and a fine of 3 for a c at the end."""
    return sum(x != y for x, y in itertools.pairwise(text)) - 3.0 * text.endswith("c")


def env(**more):
    return TextEnv(**(dict(score=changes, decode=decode, vocab_size=4, prompts=[[1], [3]], n_new=N, eos_id=END) | more))


def best(prompt: list[int]) -> float:
    """The highest score that any way of going on can reach, by trying them all."""
    ways = itertools.chain.from_iterable(itertools.product([1, 2, 3], repeat=n) for n in range(N + 1))
    return max(changes(decode([*prompt, *way])) for way in ways)


BEST = [best([1]), best([3])]


@pytest.mark.parametrize("one_hot", [False, True])
def test_it_passes_gymnasiums_own_checker(one_hot):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Not able to test alternative render modes.*")  # it has no id
        check_env(env(one_hot=one_hot, render_mode="ansi"), skip_render_check=True)


def test_every_way_of_writing_is_paid_its_score_once_at_its_end():
    game, paid = env(), {}
    for prompt, way in itertools.product((0, 1), itertools.product(range(4), repeat=N)):
        obs, info = game.reset(options=dict(prompt=prompt))
        written, rewards, terminated = [game.prompts[prompt][0]], [], False
        for token in way:
            obs, rew, terminated, truncated, info = game.step(token)
            written.append(token)
            rewards.append(rew)
            assert not truncated
            assert obs.tolist() == written + [4] * (N + 1 - len(written))
            assert info["text"] == decode(written)
            if terminated:
                break
        assert terminated
        assert written[-1] == END or len(written) == N + 1
        assert rewards == [0.0] * (len(rewards) - 1) + [changes(decode(written))]
        paid[decode(written)] = rewards[-1]
    assert max(score for text, score in paid.items() if text[0] == "a") == BEST[0] == 4.0
    assert max(score for text, score in paid.items() if text[0] == "c") == BEST[1] == 4.0


def test_one_hot_says_the_same():
    plain, vector = env(), env(one_hot=True)
    for game in (plain, vector):
        game.reset(seed=5)
    for token in (2, 1, 3):
        tokens, hot = plain.step(token)[0], vector.step(token)[0]
        assert hot.reshape(-1, 5).argmax(1).tolist() == tokens.tolist()
        assert hot.sum() == len(tokens)


def test_prompts_are_drawn_evenly_and_reproducibly():
    game = env()
    seen = [game.reset(seed=s)[1]["text"] for s in range(200)]
    assert seen == [game.reset(seed=s)[1]["text"] for s in range(200)]
    assert 70 < seen.count("a") < 130
    assert set(seen) == {"a", "c"}


def test_q_learning_finds_the_best_text_and_its_value():
    torch.manual_seed(0)
    game = env()
    q = make_table(game)
    config = TabularConfig(episodes=6000, alpha=0.5, gamma=1.0, epsilon=1.0)
    q_learning(q, game, config, rng=np.random.default_rng(0)).run()
    index = indexer(game.observation_space)
    for prompt in (0, 1):
        obs, _ = game.reset(options=dict(prompt=prompt))
        assert q[index(obs)].max() == pytest.approx(BEST[prompt], abs=1e-3)
        total, terminated = 0.0, False
        while not terminated:
            obs, rew, terminated, _, _ = game.step(int(q[index(obs)].argmax()))
            total += rew
        assert total == BEST[prompt]


@pytest.mark.parametrize(
    ("train", "config"),
    [
        (ppo, PPOConfig(steps=16_000, n_steps=16, epochs=4, batch_size=64, gamma=1.0, lr=5e-3, entropy_weight=0.01)),
        (reinforce, ReinforceConfig(steps=24_000, n_steps=20, gamma=1.0, lr=0.01, baseline="value")),
    ],
    ids=["ppo", "reinforce"],
)
def test_policy_gradients_find_the_best_text(train, config):
    torch.manual_seed(0)
    game = make_vec(lambda: env(one_hot=True), 8)
    policy = actor_critic(game, (32,))
    train(policy, game, config, rng=np.random.default_rng(0)).run()
    returns = episode_returns(greedy_actions(policy), make_vec(lambda: env(one_hot=True), 4), episodes=40)
    assert returns.tolist() == [4.0] * 40  # both prompts' best


def test_rendering_shows_the_text():
    game = env(render_mode="ansi")
    game.reset(options=dict(prompt=0))
    game.step(2)
    assert game.render() == "ab"
    assert env().render() is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: env(vocab_size=0), "vocab_size is 0"),
        (lambda: env(n_new=0), "n_new is 0"),
        (lambda: env(prompts=[]), "there are no prompts"),
        (lambda: env(prompts=[[1, 9]]), r"token 9 came, but with vocab_size 4 tokens lie in \[0, 3\]"),
        (lambda: env(eos_id=4), "token 4 came"),
        (lambda: env(render_mode="human"), "render_mode is 'human'"),
        (lambda: env().reset(options=dict(prompt=2)), "prompt 2 was asked for, but there are 2"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_score_that_is_no_number_and_a_token_that_is_none_are_named():
    game = env(score=lambda text: float("nan"))
    game.reset(options=dict(prompt=0))
    game.step(2)
    with pytest.raises(ValueError, match="the score of 'ab' is nan"):
        game.step(END)
    with pytest.raises(ValueError, match="token 4 came"):
        env().step(4)
