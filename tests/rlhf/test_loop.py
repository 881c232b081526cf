"""The loop on a tiny world: its stages, what the simulated person is shown, and going on after a stop."""

from itertools import islice

import numpy as np
import pytest
import tiny_studio
import torch

from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import Preference, Query, Rating
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.train import FitConfig
from rlhf_edu.rlhf.loop import LoopConfig, reading_on, rlhf_loop, teach, write_pairs
from rlhf_edu.rlhf.ppo import PPOConfig

CONFIG = LoopConfig(
    pairs=8, drafts=3, fit=FitConfig(steps=20), ppo=PPOConfig(steps=4, batch=8, n_new=10, epochs=1, minibatches=2)
)


def person(noise=0.02):
    return reading_on(boltzmann(tiny_studio.low, noise, rng=np.random.default_rng(0)))


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def counted(judge):
    calls = []
    return calls, lambda query: calls.append(query) or judge(query)


def test_stages_come_in_order_with_steps_and_totals():
    studio, tested = tiny_studio.studio(), []
    test = lambda *args: tested.append(args) or {"win_rate": 0.5}  # noqa: E731
    records = rlhf_loop(studio, person(), CONFIG, test=test, watch_texts=lambda d: {"gold": 1.0}).run()
    stages = ["pairs"] * 8 + ["reward"] * 20 + ["ppo"] * 4 + ["test"]
    assert [r["stage"] for r in records] == stages
    assert [r["step"] for r in records] == [*range(8), *range(20), *range(4), 0]
    assert [r["total"] for r in records] == [8] * 8 + [20] * 20 + [4] * 4 + [1]
    assert records[7]["answered"] == 8
    assert all(r["gold"] == 1.0 for r in records if r["stage"] == "ppo")
    assert records[-1]["win_rate"] == 0.5
    assert tested[0][0] is studio


def test_a_new_run_with_the_same_seed_is_the_same_and_with_another_is_not():
    runs = [rlhf_loop(tiny_studio.studio(seed), person(), CONFIG).run() for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("stop", [3, 15, 30])
def test_a_loop_left_in_any_stage_goes_on_with_the_same_numbers(tmp_path, stop):
    """3: while pairs are judged; 15: while the reward is learned; 30: after two steps of PPO."""
    undisturbed, resumed = tiny_studio.studio(), tiny_studio.studio()
    whole = rlhf_loop(undisturbed, person(), CONFIG).run()
    list(islice(rlhf_loop(tiny_studio.studio(), person(), CONFIG, out=tmp_path), stop))
    again = rlhf_loop(resumed, person(), CONFIG, out=tmp_path).run()
    ppo = [r for r in whole if r["stage"] == "ppo"]
    rest = [r for r in again if r["stage"] == "ppo"]
    assert len(rest) == (2 if stop == 30 else 4)
    assert rest == ppo[-len(rest) :]
    assert torch.equal(weights(resumed.policy), weights(undisturbed.policy))


def test_answers_once_given_are_kept_and_not_asked_for_again(tmp_path):
    calls, judge = counted(person())
    rlhf_loop(tiny_studio.studio(), judge, CONFIG, out=tmp_path).run()
    assert len(calls) == 8
    rlhf_loop(tiny_studio.studio(), judge, CONFIG, out=tmp_path).run()
    assert len(calls) == 8
    lines = (tmp_path / "labels.jsonl").read_text().splitlines()
    assert len(lines) == 8
    (tmp_path / "labels.jsonl").write_text("\n".join([*lines[:3], lines[3][:20]]))
    with pytest.raises(ValueError, match=r"labels.jsonl are damaged .*mend that line, or delete the file"):
        rlhf_loop(tiny_studio.studio(), judge, CONFIG, out=tmp_path).run()


def test_all_ties_teach_nothing_and_say_so(tmp_path):
    studio = tiny_studio.studio()
    before = weights(studio.policy)
    judge = reading_on(boltzmann(tiny_studio.low, rng=np.random.default_rng(0), tie_within=9.0))
    with pytest.raises(ValueError, match="none of the 0 labels says which of two texts is better"):
        rlhf_loop(studio, judge, CONFIG, out=tmp_path).run()
    assert torch.equal(weights(studio.policy), before)
    assert len((tmp_path / "labels.jsonl").read_text().splitlines()) == 8  # eight ties are eight answers


def test_someone_who_skips_everything_is_told_so():
    with pytest.raises(ValueError, match="compare a few more pairs and choose a side"):
        rlhf_loop(tiny_studio.studio(), lambda query: None, CONFIG).run()


def test_the_person_reads_whole_texts_but_judges_the_continuations():
    seen = []

    def judge(query):
        seen.append(query)
        return Preference(query.prompt, *query.options, choice="b")

    answer = reading_on(judge)(Query("compare", " w3", (" w4", " w5")))
    assert seen[0].options == (" w3 w4", " w3 w5")
    assert answer == Preference(" w3", " w4", " w5", choice="b")
    assert reading_on(lambda q: None)(Query("compare", " w3", (" w4", " w5"))) is None
    rated = reading_on(lambda q: Rating(q.prompt, q.options[0], 3))
    assert rated(Query("compare", " w3", (" w4", " w5"))) is None


def test_each_pair_is_the_two_drafts_that_lie_farthest_apart():
    studio = tiny_studio.studio()
    model = RewardModel(studio.reference)
    queries, drafts = write_pairs(studio, model, 6, drafts=4)
    assert len(queries) == 6
    assert len(drafts) == 24
    features = model.standardise(model.features(drafts.ids, drafts.mask))
    texts = studio.read(drafts)
    for i, (query, opening) in enumerate(zip(queries, studio.openings(6, "pairs"), strict=True)):
        assert query.prompt == opening
        assert all(text.startswith(opening) for text in texts[4 * i : 4 * i + 4])
        distance = {
            (a, b): (features[4 * i + a] - features[4 * i + b]).norm().item() for a in range(4) for b in range(a)
        }
        a, b = max(distance, key=lambda pair: distance[pair])
        assert {opening + text for text in query.options} == {texts[4 * i + a], texts[4 * i + b]}


def test_teaching_sees_rewards_of_mean_zero_and_spread_one_and_follows_the_reward_model():
    """The reward model likes what its head points at; PPO must earn more of it than the reference does."""
    studio = tiny_studio.studio()
    model = RewardModel(studio.reference)
    _, drafts = write_pairs(studio, model, 30)
    torch.nn.init.normal_(model.head.linear.weight, generator=torch.Generator().manual_seed(1))
    config = PPOConfig(steps=20, batch=32, n_new=10, epochs=2, lr=1e-2, beta=0.0, missing_eos=0.0)
    trunk = weights(model.trunk)
    records = teach(studio, model, drafts, config).run()
    assert sum(r["score"] for r in records[-5:]) / 5 > sum(r["score"] for r in records[:3]) / 3 + 0.3
    assert torch.equal(weights(model.trunk), trunk)  # three models, three sets of weights
    assert torch.equal(weights(studio.reference), trunk)
    assert not torch.equal(weights(studio.policy), trunk)


def test_a_studio_keeps_its_reference_and_gives_each_stage_its_own_randomness():
    studio = tiny_studio.studio()
    assert not studio.reference.training
    assert not any(p.requires_grad for p in studio.reference.parameters())
    draws = [torch.rand(3, generator=studio.generator(stage)).tolist() for stage in ("pairs", "ppo", "ppo", "test")]
    assert draws[1] == draws[2]
    assert draws[0] != draws[1] != draws[3]
    assert studio.openings(5, "ppo") != studio.openings(5, "test")
    assert studio.openings(5, "ppo") == tiny_studio.studio().openings(5, "ppo")
    assert studio.openings(5, "ppo") != tiny_studio.studio(1).openings(5, "ppo")


@pytest.mark.parametrize(
    ("opening", "words"),
    [
        ("", "the prompt is empty"),
        (" w3" * 21, "the prompt is 21 tokens, but only 20 leave room"),
        (" w3 bear", "'bear'"),
    ],
)
def test_openings_that_no_model_can_start_from_are_refused_in_words(opening, words):
    with pytest.raises(ValueError, match=words):
        tiny_studio.studio().prompt_ids([" w3", opening])


def test_what_is_written_can_be_read_back():
    studio = tiny_studio.studio()
    opening = " w5 w9"
    done = studio.write(studio.policy, [opening, " w4"], studio.generator("test"), samples=2)
    texts = studio.read(done)
    assert all(text.startswith(opening) for text in texts[:2])
    assert all(text.startswith(" w4") for text in texts[2:])


@pytest.mark.parametrize(("settings", "words"), [(dict(pairs=0), "pairs is 0"), (dict(drafts=1), "drafts is 1")])
def test_a_loop_needs_pairs_of_texts(settings, words):
    with pytest.raises(ValueError, match=words):
        LoopConfig(**settings)
