"""The same losses and advantages in TRL, on random inputs (needs the extra "peers").

TRL keeps its formulas inside its trainers. They are called here as plain functions, with a stand-in for the trainer that has
just the settings they read and a stand-in for the model that answers with given log-probs.
"""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import torch

pytest.importorskip("trl", reason='TRL is not installed: pip install "rlhf-edu[peers]"')

from test_preference_losses import P, answers

from rlhf_edu.rlhf.group import group_centred, group_loss, group_relative, leave_one_out
from rlhf_edu.rlhf.preference import conservative_dpo, dpo, ipo, kto, log_odds, simpo

ACCELERATOR = SimpleNamespace(
    device="cpu", num_processes=1, gather=lambda x: x, gather_for_metrics=lambda x: x, reduce=lambda x, reduction: x
)


def spread_over_tokens(total: torch.Tensor, n: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Token log-probs with the given sums, and the mask of answers that begin at column 1."""
    T = int(n.max())
    real = torch.arange(T)[None, :] < n[:, None]
    per_token = (total / n)[:, None] * real
    return per_token, torch.cat([torch.zeros(len(n), 1, dtype=torch.long), real.long()], 1)


def trl_dpo(a, kind: str, beta: float) -> float:
    from trl import DPOTrainer

    logps, mask = spread_over_tokens(a.logp, a.n)
    zeros = torch.zeros_like(logps)
    out = SimpleNamespace(log_probs=logps, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    trainer = MagicMock(
        accelerator=ACCELERATOR,
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[kind],
        loss_weights=[1.0],
        beta=beta,
        label_smoothing=0.0,
        use_weighting=False,
    )
    chosen, rejected = a.logp_ref.chunk(2)
    inputs = dict(
        input_ids=torch.zeros_like(mask),
        attention_mask=torch.ones_like(mask),
        completion_mask=mask,
        ref_chosen_logps=chosen,
        ref_rejected_logps=rejected,
    )
    model = MagicMock(return_value=out, training=True)
    return DPOTrainer._compute_loss(trainer, model, inputs, False).item()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_dpo_and_ipo(seed, beta):
    a = answers(seed)
    assert dpo(a, beta).item() == pytest.approx(trl_dpo(a, "sigmoid", beta), rel=1e-4)
    assert ipo(a, beta, per_token=True).item() == pytest.approx(trl_dpo(a, "ipo", beta), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_kto(seed):
    from trl import KTOTrainer

    a = answers(seed, good=torch.arange(2 * P) % 3 != 0, paired=False)
    logps, mask = spread_over_tokens(a.logp, a.n)
    zeros = torch.zeros_like(logps)
    trainer = MagicMock(
        accelerator=ACCELERATOR,
        aux_loss_enabled=False,
        precompute_ref_logps=True,
        calculate_KL=True,
        loss_type="kto",
        beta=0.3,
        desirable_weight=1.2,
        undesirable_weight=0.8,
    )
    drift = torch.linspace(-0.5, 1.5, 2 * P)  # how far the policy has moved on answers to other prompts
    trainer._compute_kl_logps.return_value = drift
    inputs = dict(
        input_ids=torch.zeros_like(mask),
        attention_mask=torch.ones_like(mask),
        completion_mask=mask,
        label=a.good,
        ref_logps=a.logp_ref,
        ref_KL_logps=torch.zeros(2 * P),
    )
    model = MagicMock(return_value=SimpleNamespace(log_probs=logps, entropy=zeros, mean_logits=zeros), training=True)
    theirs = KTOTrainer._compute_loss(trainer, model, inputs, False).item()
    ours = kto(answers(seed, good=a.good, paired=False, kl=drift.mean), 0.3, 1.2, 0.8).item()
    assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_orpo_simpo_and_conservative_dpo(seed):
    from trl.experimental.cpo import CPOTrainer
    from trl.experimental.orpo import ORPOTrainer

    a = answers(seed)
    chosen, rejected = (a.logp / a.n).chunk(2)
    theirs = ORPOTrainer.odds_ratio_loss(SimpleNamespace(beta=0.4, accelerator=ACCELERATOR), chosen, rejected)
    odds = log_odds(chosen) - log_odds(rejected)
    assert torch.allclose(0.4 * torch.nn.functional.logsigmoid(odds), theirs[0], atol=1e-5)
    assert odds.mean().item() == pytest.approx(theirs[4].item(), abs=1e-5)

    simple = SimpleNamespace(
        loss_type="simpo", beta=2.5, simpo_gamma=0.7, alpha=0.0, label_smoothing=0.0, accelerator=ACCELERATOR
    )
    assert simpo(a, 2.5, 0.7).item() == pytest.approx(
        CPOTrainer.cpo_loss(simple, chosen, rejected)[0].mean().item(), rel=1e-4
    )

    noisy = SimpleNamespace(loss_type="sigmoid", beta=0.3, alpha=0.0, label_smoothing=0.2, accelerator=ACCELERATOR)
    theirs = CPOTrainer.cpo_loss(noisy, *a.ratio().chunk(2))[0].mean().item()
    assert conservative_dpo(a, 0.3, 0.2).item() == pytest.approx(theirs, rel=1e-4)


def trl_group(kind: str, seed: int):
    """TRL's loss on random log-probs, and what went into it."""
    from trl import GRPOTrainer

    g = torch.Generator().manual_seed(seed)
    B, N = 6, 5
    mask = torch.arange(N)[None, :] < torch.randint(1, N + 1, (B, 1), generator=g)
    old = torch.log(torch.rand(B, N, generator=g))
    new, ref = (old + 0.4 * torch.randn(B, N, generator=g) for _ in range(2))
    adv = torch.randn(B, generator=g)
    trainer = MagicMock(
        accelerator=ACCELERATOR,
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=0.05,
        loss_type=kind,
        epsilon_low=0.2,
        epsilon_high=0.2,
        use_vllm=False,
        max_completion_length=N,
        current_gradient_accumulation_steps=1,
        _entropy_bonus_enabled=False,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False),
    )
    trainer._get_per_token_logps_and_entropies.return_value = (new, torch.zeros(B, N), None)
    ids = torch.zeros(B, N, dtype=torch.long)
    inputs = dict(
        prompt_ids=ids[:, :1],
        prompt_mask=torch.ones(B, 1, dtype=torch.long),
        completion_ids=ids,
        completion_mask=mask.long(),
        advantages=adv,
        old_per_token_logps=old,
        ref_per_token_logps=ref,
    )
    loss = GRPOTrainer._compute_loss(trainer, MagicMock(training=True), inputs)
    return loss.item(), (new, old, ref, adv, mask)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "average"), [("grpo", "text"), ("bnpo", "tokens"), ("dr_grpo", "budget")])
def test_the_group_loss_and_the_price_in_it(kind, average, seed):
    from rlhf_edu.ops import kl_k3
    from rlhf_edu.rlhf.group import average_tokens

    theirs, (new, old, ref, adv, mask) = trl_group(kind, seed)
    ours = group_loss(new, old, adv, mask, 0.2, average) + 0.05 * average_tokens(kl_k3(new, ref), mask, average)
    assert ours.item() == pytest.approx(theirs, abs=1e-5)


@pytest.fixture(scope="module")
def rolled_out(tmp_path_factory):
    """Scores and advantages of one step of TRL's RLOO and GRPO trainers on a tiny model, by name."""
    import tiny
    import tiny_studio
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

    from rlhf_edu.lm.checkpoint import save

    folder = tmp_path_factory.mktemp("trl")
    save(folder / "model", tiny.gpt2(1), tiny_studio.tokenizer())
    found = {}
    for name, kind, config, more in (
        ("rloo", RLOOTrainer, RLOOConfig, dict(normalize_advantages=False)),
        ("grpo", GRPOTrainer, GRPOConfig, dict(scale_rewards="group")),
        ("dr_grpo", GRPOTrainer, GRPOConfig, dict(scale_rewards="none")),
    ):
        given = torch.randn(3, 4, generator=torch.Generator().manual_seed(5))
        args = config(
            output_dir=str(folder / name),
            per_device_train_batch_size=12,
            num_generations=4,
            max_completion_length=4,
            max_steps=1,
            beta=0.0,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            **more,
        )
        trainer = kind(
            model=AutoModelForCausalLM.from_pretrained(folder / "model"),
            reward_funcs=lambda completions, given=given, **_: given.flatten().tolist(),
            args=args,
            train_dataset=Dataset.from_dict({"prompt": tiny_studio.openings(6, 1)}),
            processing_class=AutoTokenizer.from_pretrained(folder / "model"),
        )
        trainer.train()
        found[name] = given, torch.tensor(list(trainer._logs["advantages"])).view(3, 4)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rule"), [("rloo", leave_one_out), ("grpo", group_relative), ("dr_grpo", group_centred)]
)
def test_advantages_of_a_real_step(rolled_out, name, rule):
    scores, theirs = rolled_out[name]
    assert torch.allclose(rule(scores), theirs, atol=1e-4)
