"""The thirty things that go wrong in RLHF with PPO, and for each the tests that prove it right here."""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SAMPLING, GPT2, FIT = "lm/test_sampling.py", "lm/test_gpt2.py", "reward/test_fit.py"
TRAINER, LOSSES, SHAPING = "rlhf/test_ppo_trainer.py", "rlhf/test_ppo_losses.py", "rlhf/test_shaping.py"
RECORD, OPTIMUM, LOOP = "rlhf/test_ppo_record.py", "rlhf/test_ppo_optimum.py", "rlhf/test_loop.py"
MODEL, OPS, HEADS = "reward/test_reward_model.py", "test_ops.py", "lm/test_heads.py"

CHECKLIST: dict[str, list[tuple[str, str]]] = {
    # tokens and masks
    "1 prompts are left-padded; the mask gives positions": [
        (GPT2, "test_left_padding_changes_nothing"),
        (SAMPLING, "test_recorded_logp_equals_a_token_by_token_reading_without_padding_or_cache"),
    ],
    "2 padding is not the end of a text": [
        ("lm/test_tokenizer.py", "test_padding_end_and_unknown_are_three_different_tokens"),
        (SAMPLING, "test_a_text_ends_with_its_first_eos_and_is_padding_after_it"),
    ],
    "3 the log-prob slice equals a loop over tokens": [
        (SAMPLING, "test_scoring_slice_is_not_off_by_one"),
        (TRAINER, "test_a_text_alone_or_padded_in_a_batch_gets_the_same_logp_and_values"),
        (TRAINER, "test_a_value_is_read_before_its_token"),
    ],
    "4 alone or in a batch: the same log-probs, values and rewards": [
        (TRAINER, "test_a_text_alone_or_padded_in_a_batch_gets_the_same_logp_and_values"),
        (MODEL, "test_padding_on_either_side_changes_no_reward"),
    ],
    "5 cut at the first EOS; no EOS, a fixed low score and a logged share": [
        (SAMPLING, "test_a_text_ends_with_its_first_eos_and_is_padding_after_it"),
        (TRAINER, "test_the_score_is_paid_at_the_last_token_and_a_text_without_end_gets_the_fixed_low_one"),
        (RECORD, "test_the_record_tells_the_truth"),
    ],
    "6 padding never enters a mean": [
        (TRAINER, "test_a_masked_mean_never_sees_padding"),
        (LOSSES, "test_padding_may_hold_anything"),
        (SHAPING, "test_what_stands_after_the_end_never_enters_rewards_or_advantages"),
    ],
    # sampling
    "7 rollouts come from the full distribution": [
        (SAMPLING, "test_tokens_come_with_their_probabilities"),
        (SAMPLING, "test_recorded_logp_equals_a_token_by_token_reading_without_padding_or_cache"),
    ],
    "8 one temperature for rollout, reference and update": [
        (TRAINER, "test_temperature_counts_for_the_reference_too"),
        (TRAINER, "test_every_single_ratio_of_the_first_minibatch_is_one"),
    ],
    "9 no dropout": [(TRAINER, "test_the_value_head_starts_at_zero_and_dropout_does_not_exist")],
    # models
    "10 policy, reference and reward model are separate; the last two frozen": [
        (TRAINER, "test_only_policy_and_value_head_learn"),
        (MODEL, "test_it_is_a_frozen_copy_that_training_the_policy_does_not_move"),
        (LOOP, "test_teaching_sees_rewards_of_mean_zero_and_spread_one_and_follows_the_reward_model"),
    ],
    "11 the value head starts at zero": [
        (TRAINER, "test_the_value_head_starts_at_zero_and_dropout_does_not_exist"),
        (HEADS, "test_a_head_is_a_weighted_sum_that_starts_at_zero"),
    ],
    "12 the reward is read at the last real token": [
        (HEADS, "test_the_last_real_token_under_padding_on_either_side"),
        (MODEL, "test_rewards_equal_a_reading_of_each_text_alone"),
        (MODEL, "test_what_follows_the_end_of_a_text_is_not_read"),
    ],
    "13 mean 0 and standard deviation 1 on the reference": [
        (SHAPING, "test_on_its_scale_the_reference_has_mean_zero_and_spread_one"),
    ],
    # reward model
    "14 the pairwise loss, its sign, the split by prompt, equal pairs dropped": [
        (FIT, "test_the_loss_is_a_mean_of_surprises_written_as_a_loop"),
        (FIT, "test_the_loss_has_the_right_sign"),
        (FIT, "test_learning_and_testing_share_no_prompt"),
        (FIT, "test_pairs_equal_after_truncation_are_dropped_and_the_others_kept"),
        (FIT, "test_the_fit_reaches_the_minimum_that_another_optimiser_finds"),
    ],
    # rewards and advantages
    "15 the score once, at the last token; sums give score − β·KL": [
        (SHAPING, "test_rewards_token_by_token"),
        (SHAPING, "test_rewards_of_a_text_sum_to_score_minus_beta_times_kl"),
    ],
    "16 k1 in the reward, k3 to watch, both units": [
        (OPS, "test_the_expectation_of_k1_and_k3_is_the_kl_and_k2_is_biased"),
        (RECORD, "test_the_record_tells_the_truth"),
    ],
    "17 adaptive β, both ways": [
        (SHAPING, "test_beta_follows_the_kl_both_ways_by_at_most_a_fifth"),
        (RECORD, "test_beta_adapts_step_by_step_both_ways"),
    ],
    "18 γ = 1, λ = 0.95, GAE from its definition, nothing after the end": [
        (SHAPING, "test_gae_equals_its_definition"),
        (SHAPING, "test_gae_by_default_does_not_discount_and_trusts_the_critic_a_little"),
        (SHAPING, "test_gae_on_paper"),
    ],
    "19 returns from advantages before whitening": [(TRAINER, "test_what_the_losses_get")],
    "20 whitening: advantages lose their mean, rewards keep it": [
        (OPS, "test_whitening_gives_unit_variance_and_keeps_the_mean_only_when_told"),
        (LOSSES, "test_whitening_of_advantages_removes_the_mean_and_of_rewards_keeps_it"),
        (TRAINER, "test_what_the_losses_get"),
    ],
    "21 targets are detached": [(TRAINER, "test_what_the_losses_get")],
    # update
    "22 the first minibatch: ratio 1, nothing clipped, no KL": [
        (TRAINER, "test_in_the_first_minibatch_nothing_has_moved"),
        (TRAINER, "test_every_single_ratio_of_the_first_minibatch_is_one"),
    ],
    "23 the clipped policy loss": [
        (LOSSES, "test_policy_loss_is_a_mean_over_real_tokens_written_as_a_loop"),
        (LOSSES, "test_the_four_corners_of_clipping_on_paper"),
        (LOSSES, "test_gradients_are_those_of_the_loop"),
    ],
    "24 the clipped value loss": [(LOSSES, "test_value_loss_is_half_a_mean_over_real_tokens_written_as_a_loop")],
    "25 a fresh permutation each epoch, the whole batch": [
        (TRAINER, "test_each_epoch_uses_the_whole_batch_in_a_fresh_order"),
    ],
    "26 clipped gradients, Adam's ε, falling rate": [
        (TRAINER, "test_adam_with_its_epsilon_a_falling_rate_and_clipped_gradients"),
    ],
    "27 a stop that is logged": [(TRAINER, "test_a_policy_that_runs_away_is_stopped_and_the_record_says_so")],
    # watching
    "28 what each step logs": [
        (RECORD, "test_the_record_has_what_must_be_watched"),
        (RECORD, "test_the_record_tells_the_truth"),
        (LOSSES, "test_explained_variance_on_paper"),
    ],
    "29 β → ∞ and β = 0": [
        (OPTIMUM, "test_an_endless_price_keeps_the_policy_at_the_reference_and_no_price_lets_it_collapse"),
    ],
    "30 a known optimum is reached": [(OPTIMUM, "test_ppo_comes_close_to_the_best_policy_there_is")],
}


@cache
def found_in(name: str) -> set[str]:
    tree = ast.parse((TESTS / name).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("line", CHECKLIST)
def test_the_tests_of_this_line_exist(line):
    assert CHECKLIST[line]
    for name, test in CHECKLIST[line]:
        assert test in found_in(name), f"{name} has no {test} any more: {line!r} needs a new proof"


def test_no_line_is_missing():
    assert [int(line.split()[0]) for line in CHECKLIST] == list(range(1, 31))
