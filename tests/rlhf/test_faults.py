"""Every seeded fault is silent, leaves its sign in the numbers, and is gone without a trace afterwards."""

import math

import pytest
import tiny
import torch
from ppo_runs import Bench

from rlhf_edu.rlhf.faults import FAULTS, KEPT, OFF_BY, seeded

NAMES = sorted(FAULTS)
ONE = dict(epochs=1, minibatches=1)  # one update a step: its numbers are those of the first minibatch


def run(name="", *, steps=2, bench=None, **kw):
    """Records of a run on the tiny model, with the fault `name` or none."""
    torch.manual_seed(0)  # for dropout, which no generator reaches
    bench = bench or Bench()
    settings = dict(steps=steps, beta=0.1, epochs=2) | kw
    if not name:
        return bench.run(**settings).run()
    with seeded(name):
        return bench.run(**settings).run()


def pair(name, **kw):
    return run(**kw), run(name, **kw)


@pytest.fixture(scope="module")
def healthy():
    return run()


def test_there_are_at_least_twelve_each_described():
    assert len(FAULTS) >= 12
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert len({fault.what, fault.sign, fault.cure} - {""}) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_silent_changes_the_run_and_is_undone(name, healthy):
    faulty = run(name)
    assert len(faulty) == 2
    assert faulty != healthy
    assert all(math.isfinite(x) for record in faulty for x in record.values())
    assert run() == healthy  # to the last bit


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_undone_after_an_exception(name, healthy):
    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), seeded(name):
        Bench().run(steps=1, watch_texts=interrupt).run()
    assert run() == healthy


def test_an_unknown_fault_is_named():
    with pytest.raises(ValueError, match='no fault "tpo_k": choose one of top_k'), seeded("tpo_k"):
        pass


# --- the signs, one by one


def test_healthy_signs():
    first = run(**ONE)[0]
    assert first["kl_nats"] == pytest.approx(0, abs=1e-5)
    assert first["first_ratio"] == pytest.approx(1, abs=1e-5)
    assert first["clip_fraction"] == 0
    assert first["stopped"] == 0


def test_top_k_lowers_the_entropy_and_makes_the_kl_of_a_flatter_policy_negative():
    right, wrong = pair("top_k")
    assert wrong[0]["entropy"] < right[0]["entropy"]
    assert wrong[0]["first_ratio"] == pytest.approx(1, abs=1e-5)  # the sign that does not help here
    kl = []
    for name in ("", "top_k"):
        bench = Bench()
        with torch.no_grad():
            bench.policy.ln.weight.mul_(0.5)  # logits halved: the likeliest tokens are less likely than they were
            bench.policy.ln.bias.mul_(0.5)
        kl.append(run(name, bench=bench, steps=1)[0]["kl_nats"])
    assert kl[0] > 0
    assert kl[1] < -0.1


def test_a_temperature_in_the_rollout_alone_shows_before_anything_is_learned():
    first = run("rollout_temperature", **ONE)[0]
    assert first["kl_nats"] > 0.1
    assert first["clip_fraction"] > 0.1


def test_eos_as_padding_shortens_every_text_that_ends_by_its_end():
    right, wrong = pair("eos_as_padding", beta=0.0)
    seen = []
    Bench().run(steps=1, watch_texts=lambda done: seen.append(done) or {}).run()
    longer = (seen[0].new_ids == tiny.EOS).any(1) & (seen[0].new_mask.sum(1) > 1)
    assert longer.any()
    assert right[0]["n_new"] - wrong[0]["n_new"] == pytest.approx(longer.float().mean().item(), abs=1e-5)
    assert right[0]["ended"] == wrong[0]["ended"]


def test_shifted_log_probs_ruin_ratio_and_kl_and_every_step_is_stopped():
    bench = Bench()
    before = bench.weights()
    records = run("shifted_logp", bench=bench)
    assert abs(records[0]["first_ratio"] - 1) > 0.1
    assert abs(records[0]["kl_nats"]) > 0.1
    moved = not torch.equal(bench.weights(), before)
    assert moved != all(record["stopped"] for record in records)  # a step that is stopped at once teaches nothing


def test_dropout_moves_the_ratio_before_the_first_step():
    first = run("dropout", **ONE)[0]
    assert first["first_ratio"] != pytest.approx(1, abs=1e-4)
    assert first["clip_fraction"] > 0
    assert first["kl_nats"] == pytest.approx(0, abs=1e-5)


def test_a_moving_reference_keeps_the_kl_at_zero():
    right, wrong = pair("moving_reference", steps=4, lr=1e-2)
    assert abs(right[-1]["kl_nats"]) > 0.01
    assert [record["kl_nats"] for record in wrong] == pytest.approx([0] * 4, abs=1e-4)


def test_kl_over_padding_spoils_one_dial_and_nothing_else():
    right, wrong = pair("kl_over_padding")
    assert wrong[0]["kl_nats"] > 1
    for a, b in zip(right, wrong, strict=True):
        assert {k: v for k, v in a.items() if k != "kl_nats"} == {k: v for k, v in b.items() if k != "kl_nats"}


def test_a_stale_scale_shifts_the_score_of_the_untrained_policy():
    right, wrong = pair("stale_scale")
    assert wrong[0]["score"] - right[0]["score"] == pytest.approx(-OFF_BY * right[0]["ended"], abs=1e-5)


def test_at_the_pad_edge_only_texts_that_fill_the_batch_are_paid():
    right, wrong = pair("pad_edge", beta=0.0, **ONE)
    assert right[0]["score"] == wrong[0]["score"]
    assert wrong[0]["value_loss"] < right[0]["value_loss"]


def test_the_sign_of_the_kl_decides_whether_leaving_is_paid_for():
    right, wrong = pair("kl_sign", steps=3, lr=1e-2)
    for sign, record in ((-1, right[-1]), (1, wrong[-1])):
        assert record["reward"] == pytest.approx(record["score"] + sign * 0.1 * record["kl_nats"], abs=1e-4)
        assert abs(record["kl_nats"]) > 0.01


def test_whitened_rewards_do_not_add_up_and_have_another_unit():
    right, wrong = pair("whitened_rewards", **ONE)
    assert right[0]["reward"] == pytest.approx(right[0]["score"], abs=1e-4)
    assert wrong[0]["reward"] != pytest.approx(wrong[0]["score"], abs=1e-2)


def test_a_bootstrapping_end_believes_whatever_the_values_say():
    records = []
    for name in ("", "bootstrap_at_end"):
        bench = Bench()
        torch.nn.init.constant_(bench.head.linear.bias, 3.0)  # promises 3 where nothing comes
        nothing = dict(reward=lambda done: torch.zeros(len(done)), missing_eos=-1e-9, beta=0.0)
        records.append(run(name, bench=bench, steps=1, **nothing, **ONE)[0])
    assert records[0]["value_loss"] > 1
    assert records[1]["value_loss"] == pytest.approx(0, abs=1e-9)


def test_whitened_early_the_value_loss_is_one_half():
    wrong = run("whitened_early", steps=4, **ONE)
    assert [record["value_loss"] for record in wrong] == pytest.approx([0.5] * 4, abs=1e-4)


def test_with_the_wrong_sign_the_first_step_goes_exactly_the_other_way():
    moves = []
    for name in ("", "advantage_sign"):
        bench = Bench()
        before = bench.weights()
        run(name, bench=bench, steps=1, vf_coef=0.0, **ONE)
        moves.append(bench.weights() - before)
    assert moves[0].abs().max() > 1e-4
    torch.testing.assert_close(moves[1], -moves[0], atol=1e-6, rtol=0)


def test_the_faulty_sampler_draws_from_few_tokens():
    seen = []
    with seeded("top_k"):
        Bench().run(steps=1, prompts=[[5, 6]], watch_texts=lambda done: seen.append(done) or {}).run()
    assert len(seen[0].new_ids[:, 0].unique()) <= KEPT
