import subprocess
import sys
import warnings
from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlhf_edu.envs import MAPS, PROBES, GridWorld, make_vec, register

IDS = [f"rlhf_edu/{name}-v0" for name in ("GridWorld", "RandomWalk", *(f"Probe{probe}" for probe in PROBES))]


@pytest.mark.parametrize("env_id", IDS)
def test_our_environments_pass_gymnasiums_own_checker(env_id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*symmetric and normalized space")  # advice; Aim says why it is wide
        check_env(gym.make(env_id, disable_env_checker=True).unwrapped)


@pytest.mark.parametrize("env_id", IDS)
def test_our_environments_vectorise(env_id):
    envs = make_vec(env_id, 3)
    obs, _ = envs.reset(seed=0)
    for _ in range(30):
        obs, rew, _, _, _ = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(obs)
        assert rew.shape == (3,)


def test_one_import_is_enough_and_brings_no_torch():
    code = (
        "import gymnasium, sys; gymnasium.make('rlhf_edu.envs:rlhf_edu/GridWorld-v0');"
        "gymnasium.make('rlhf_edu/RandomWalk-v0'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_registering_twice_does_no_harm():
    before = dict(gym.registry)
    register()
    assert dict(gym.registry) == before


@pytest.mark.parametrize("slip", [0.0, 0.4])
def test_the_transition_table_says_what_the_steps_do(slip):
    env = GridWorld("book", slip=slip, step_reward=-0.04)
    env.reset(seed=3)
    for state in (0, 4, 6, 8):
        for action in range(4):
            seen = Counter()
            for _ in range(2000):
                env.state = state
                obs, rew, terminated, _, _ = env.step(action)
                seen[obs, round(rew, 6), terminated] += 1 / 2000
            told = Counter()
            for p, s, r, end in env.P[state][action]:
                told[s, round(r, 6), end] += p
            assert set(seen) == set(told)
            assert all(abs(seen[key] - told[key]) < 0.05 for key in told)


def test_the_table_holds_probabilities_everywhere():
    env = GridWorld("two_rooms", slip=0.3)
    for actions in env.P.values():
        for outcomes in actions.values():
            assert sum(p for p, *_ in outcomes) == pytest.approx(1)
            assert min(p for p, *_ in outcomes) > 0


def test_walls_and_edges_stop_a_step_and_letters_pay():
    env = GridWorld(["S#+", "..G"], step_reward=-0.1, rewards={"+": 5.0})
    env.reset(seed=0)
    assert env.step(2)[:2] == (0, -0.1)  # into the wall
    assert env.step(3)[:2] == (0, -0.1)  # off the map
    assert env.step(1)[:2] == (3, -0.1)
    assert env.step(2)[:2] == (4, -0.1)
    assert env.step(2)[:3] == (5, 0.9, True)
    env.state = 5
    env.state = 4  # from the floor up is a wall again
    assert env.step(3)[0] == 4
    assert env.P[5][0] == [(1.0, 5, 0.0, True)]


def test_text_and_picture_show_the_same_place():
    text = GridWorld("book", render_mode="ansi")
    text.reset(seed=0)
    assert text.render() == "...G\n.#.X\n@..."
    picture = GridWorld("book", render_mode="rgb_array")
    picture.reset(seed=0)
    frame = picture.render()
    assert frame.shape == (96, 128, 3)
    assert frame.dtype == np.uint8
    assert tuple(frame[80, 16]) == (0, 60, 140)  # the agent, bottom left
    assert tuple(frame[16, 112]) == (0, 158, 115)  # the goal, top right


def test_what_costs_and_what_pays_look_different():
    town = GridWorld(("Smf",), rewards={"m": -3.0, "f": 1.0}, render_mode="rgb_array")
    town.reset(seed=0)
    frame = town.render()
    assert tuple(frame[16, 48]) != tuple(frame[16, 80])


def test_a_probe_shows_what_it_sees_as_text_and_as_bars():
    env = PROBES["Observation"](render_mode="rgb_array")
    pictures = {}
    for seed in range(8):
        obs, _ = env.reset(seed=seed)
        pictures[float(obs[0])] = env.render()
    assert {-1.0, 1.0} == set(pictures)
    blue = {coin: np.argwhere((picture == (0, 60, 140)).all(-1))[:, 0] for coin, picture in pictures.items()}
    assert blue[1.0].max() < 48 < blue[-1.0].min()  # up and down from the middle
    text = PROBES["Credit"](render_mode="ansi")
    text.reset(seed=0)
    text.step(1)
    assert text.render() == "step 1: sees [0.25, 1.0]"
    assert PROBES["Credit"](render_mode="rgb_array").render().shape == (96, 192, 3)
    with pytest.raises(ValueError, match="render_mode is 'human'"):
        PROBES["Constant"](render_mode="human")


def test_a_map_can_be_a_name_rows_or_one_text():
    assert GridWorld("S.\n.G").rows == GridWorld(["S.", ".G"]).rows == ("S.", ".G")
    assert {GridWorld(name).rows for name in MAPS} == set(MAPS.values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(rows=["S..", ".G"]), "equally wide"),
        (dict(rows=["..", ".G"]), "no start"),
        (dict(rows="maze"), "no map called 'maze'"),
        (dict(slip=-0.1), "slip is -0.1, but it is a probability"),
        (dict(step_reward=float("nan")), "finite"),
        (dict(rewards={"G": float("inf")}), "'G' is inf"),
        (dict(render_mode="human"), "render_mode"),
    ],
)
def test_bad_grids_say_what_is_wrong(arguments, words):
    with pytest.raises(ValueError, match=words):
        GridWorld(**arguments)


def test_make_vec_hands_out_the_last_state_of_an_episode():
    envs = make_vec("rlhf_edu/ProbeDiscount-v0", 2)
    envs.reset(seed=0)
    envs.step(np.zeros(2, int))
    obs, _, terminated, _, info = envs.step(np.zeros(2, int))
    assert terminated.all()
    assert obs.tolist() == [[0.0], [0.0]]  # already the next episode
    assert [row.tolist() for row in info["final_obs"]] == [[0.0], [0.0]]
    assert make_vec(lambda: gym.make("CartPole-v1", max_episode_steps=7), 2).num_envs == 2


def test_make_vec_passes_arguments_on_and_rejects_none_at_all():
    assert make_vec("rlhf_edu/GridWorld-v0", 1, rows="book").single_observation_space.n == 12
    with pytest.raises(ValueError, match="n_envs is 0"):
        make_vec("CartPole-v1", 0)
    with pytest.raises(ValueError, match="max_episode_steps"):
        make_vec("CartPole-v1", 2, max_episode_steps=0)


def simulated_value(env, gamma, rng):
    """Discounted return of the best actions by playing, with γ^600 ≈ 0 cutting what never ends."""
    obs, _ = env.reset(seed=int(rng.integers(1000)))
    first, total, weight = obs, 0.0, 1.0
    for _ in range(600):
        best = env.best(obs)
        act = env.action_space.sample() if best is None else best
        if isinstance(env.action_space, gym.spaces.Box):
            act = np.array([obs[0] / 2], dtype=np.float32)
        obs, rew, terminated, _, _ = env.step(act)
        total, weight = total + weight * rew, weight * gamma
        if terminated:
            break
    return first, total


@pytest.mark.parametrize("name", PROBES)
def test_probes_know_their_own_value(name):
    env, rng = PROBES[name](), np.random.default_rng(0)
    env.action_space.seed(0)
    for _ in range(10):
        first, total = simulated_value(env, 0.9, rng)
        assert env.value(first, 0.9) == pytest.approx(total, abs=1e-6)


def test_the_credit_probe_knows_the_value_of_every_later_state():
    env = PROBES["Credit"]()
    for first_act in (0, 1):
        env.reset(seed=0)
        seen = [env.step(first_act)] + [env.step(0) for _ in range(3)]
        for later, (obs, *_) in enumerate(seen[:-1]):
            assert env.value(obs, 0.5) == 0.5 ** (2 - later) * (2 * first_act - 1)
        assert [step[1] for step in seen] == [0, 0, 0, 2 * first_act - 1]
