"""The recorded runs: complete, nameless where a student must guess, made by the recipe beside them, and what the signs say."""

import math
from importlib.resources import files

import pytest

from rlhf_edu.grading.tasks.e14_rlhf_ppo import SUSPECTS
from rlhf_edu.plots.rlhf import SIGNS, curve, outside
from rlhf_edu.rlhf.faults import FAULTS
from rlhf_edu.rlhf.gallery import CONFIG, record, recorded, story_judge
from rlhf_edu.rlhf.studio import open_studio

HEALTHY, FAULTY = recorded()["healthy"], recorded()["faults"]
UNNAMED = recorded("unnamed")["runs"]
FIRST_FAULTY = 5  # the seed of every fault in the gallery
EXACT = {"kl_nats": 0.0, "first_ratio": 1.0}  # of a healthy run's first step


def signs(run):
    """Signs that lie more than 1.5 widths outside the healthy band, at once or later."""
    return {key for key in SIGNS if max(map(abs, outside(run, HEALTHY, key))) > 1.5}


def test_every_fault_was_recorded_whole_beside_healthy_seeds():
    assert set(FAULTY) == set(FAULTS)
    assert len(FAULTY) >= 12
    assert len(HEALTHY) >= 3
    runs = [*HEALTHY, *FAULTY.values(), *UNNAMED.values()]
    assert {len(run) for run in runs} == {CONFIG.steps}
    assert len({tuple(r["score"] for r in run) for run in runs}) == len(runs)  # no run twice
    assert all(math.isfinite(x) for run in runs for record in run for x in record.values())
    assert recorded()["made"]["config"] == repr(CONFIG)


def test_runs_to_diagnose_have_no_names():
    text = (files("rlhf_edu") / "data" / "gallery" / "unnamed.json").read_text(encoding="utf-8")
    assert list(UNNAMED) == [f"run_{i}" for i in range(1, 7)]
    assert not [name for name in ("healthy", *FAULTS) if f'"{name}"' in text]
    keys = set(HEALTHY[0][0])
    assert all(set(record) == keys for run in UNNAMED.values() for record in run)


def test_the_exercise_names_every_fault_but_the_one_no_curve_shows():
    assert set(SUSPECTS) == {"healthy", *FAULTS} - {"eos_as_padding"}


def test_healthy_runs_start_where_they_must_and_balance_their_books():
    for run in HEALTHY:
        assert {key: run[0][key] for key in EXACT} == pytest.approx(EXACT, abs=1e-4)
        assert curve(run, "books") == pytest.approx(0, abs=1e-3)
        assert run[-1]["score"] > run[0]["score"] + 0.5


@pytest.mark.parametrize("left_out", range(len(HEALTHY)))
def test_no_healthy_run_is_far_from_the_others(left_out):
    others = [run for i, run in enumerate(HEALTHY) if i != left_out]
    assert max(abs(x) for key in SIGNS for x in outside(HEALTHY[left_out], others, key)) < 1.5


@pytest.mark.parametrize(
    ("fault", "shown"),
    {
        "advantage_sign": {"score", "kl_nats"},
        "bootstrap_at_end": {"value_loss"},
        "dropout": {"clip_fraction"},
        "kl_over_padding": {"kl_nats", "books"},
        "kl_sign": {"kl_nats", "books"},
        "moving_reference": set(),
        "pad_edge": {"score", "value_loss"},
        "rollout_temperature": {"kl_nats", "entropy", "clip_fraction"},
        "shifted_logp": {"first_ratio", "kl_nats"},
        "stale_scale": {"score"},
        "top_k": {"entropy"},
        "whitened_early": {"value_loss"},
        "whitened_rewards": {"books", "value_loss"},
    }.items(),
)
def test_curves_show_what_the_sign_says(fault, shown):
    assert shown <= signs(FAULTY[fault])


def test_what_the_signs_say_stays_as_it_should():
    assert signs(FAULTY["eos_as_padding"]) == set()
    assert signs(FAULTY["bootstrap_at_end"]) == signs(FAULTY["whitened_early"]) == {"value_loss"}
    assert curve(FAULTY["whitened_early"], "value_loss") == pytest.approx(0.5, abs=0.03)
    assert curve(FAULTY["moving_reference"], "kl_nats") == pytest.approx(0, abs=1e-3)
    assert curve(FAULTY["advantage_sign"], "books") == pytest.approx(0, abs=1e-2)
    for fault in ("top_k", "dropout", "whitened_early"):
        assert FAULTY[fault][0]["kl_nats"] == pytest.approx(0, abs=1e-4)


def test_a_recorded_run_is_made_again_by_its_recipe():
    reward_fn = story_judge(open_studio("stories", 0))
    again = record("rollout_temperature", FIRST_FAULTY, reward_fn, steps=1)
    told = FAULTY["rollout_temperature"][:1]
    assert len(again) == 1
    for key in ("score", "kl_nats", "entropy", "n_new", "gold", "clip_fraction"):  # room for a token or two of rounding
        assert again[0][key] == pytest.approx(told[0][key], rel=0.05, abs=0.05), key
