"""One call that chooses the method from what you have: a reward, rated texts, or texts. The call shapes of trlX.

    train(model, reward_fn=..., prompts=...)     PPO        write, be scored, learn
    train(model, samples=..., rewards=...)       ILQL       learn from texts that were rated once
    train(model, samples=...)                    SFT        learn to write like these

trlX itself has stood still since January 2024. What corresponds to what:

    trlx.train(path, ...)                             train(name, folder or (lm, tokenizer), ...)
    reward_fn(samples, prompts, outputs, **kwargs)    the same, with the arguments it names
    metric_fn, eval_prompts, stop_sequences           the same
    samples=[[prompt, output], ...] or texts          the same
    TRLConfig: method.PPOConfig, ILQLConfig, SFT      config=PPOConfig, ILQLConfig or SFTConfig
    method.gen_kwargs["max_new_tokens"], ["beta"]     PPOConfig.n_new or n_new, beta
    trainer.generate(**tokenizer(...))                result.generate(texts)
    trainer.save_pretrained(folder)                   result.save_pretrained(folder)

YAML files, encoder-decoder models, sweeps and NeMo have no counterpart here.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlhf_edu.core import pick_device
from rlhf_edu.lm.checkpoint import load, save, save_state
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import CausalLM, Completions, left_pad
from rlhf_edu.lm.sampling import sample
from rlhf_edu.lm.sft import SFTConfig, sft
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.rlhf.offline import ILQLConfig, ILQLHeads, Perturbed, Rated, ilql
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.shaping import Scale
from rlhf_edu.rlhf.texts import AlwaysEnds, Judge, call_with_texts, checked_numbers, cut, split_sample, texts_of

Sample = str | Sequence[str]


@dataclass
class Trained:
    """A model after training, with its history: one record a step, and the evaluations among them."""

    lm: Any
    tokenizer: Tokenizer
    history: list[dict]
    n_new: int
    stop_sequences: Sequence[str] = ()
    heads: ILQLHeads | None = None

    def generate(self, prompts: Sequence[str], seed: int = 0) -> list[str]:
        """What the model writes after each prompt, up to a stop sequence."""
        _, outputs = write(self.lm, self.tokenizer, prompts, self.n_new, self.stop_sequences, seed)
        return outputs

    def save_pretrained(self, folder: str | Path) -> Path:
        """Save model and tokenizer in Hugging Face's layout; the values that ILQL learned go beside them."""
        lm = self.lm.lm if isinstance(self.lm, Perturbed | AlwaysEnds) else self.lm
        path = save(folder, lm, self.tokenizer)
        if self.heads is not None:
            save_state(path / "ilql_heads.pt", self.heads.state_dict())
        return path


def train(
    model: str | Path | tuple[CausalLM, Tokenizer],
    reward_fn: Judge | None = None,
    *,
    prompts: Sequence[str] | None = None,
    samples: Sequence[Sample] | None = None,
    rewards: Sequence[float] | None = None,
    eval_prompts: Sequence[str] | None = None,
    metric_fn: Callable[..., dict[str, Sequence[float]]] | None = None,
    stop_sequences: Sequence[str] = (),
    config: PPOConfig | ILQLConfig | SFTConfig | None = None,
    n_new: int = 40,
    eval_every: int = 20,
    beta: float = 4.0,
    seed: int = 0,
    log: Callable[[dict], None] | None = None,
) -> Trained:
    """Train to the end and return the model with its history; `model` is a name or folder, or a pair (lm, tokenizer), left as it is.

    `reward_fn(samples=..., prompts=..., outputs=...)` gives one number a text (write only the arguments that you use);
    `metric_fn`, called alike, gives lists of numbers by name. On `eval_prompts` both are measured before the first step,
    every `eval_every` steps and at the end, as "eval/..." in the records. `samples` are texts or (prompt, output).
    Texts are cut at the first of the `stop_sequences` before anybody judges them. `beta` is how much ILQL leans on its values.
    """
    kind = choose(reward_fn, prompts, samples, rewards, config)
    lm, tokenizer = load(model, pick_device()) if isinstance(model, str | Path) else model
    lm = copy.deepcopy(lm)
    pairs = [split_sample(s, tokenizer) for s in samples or []]
    asked = list(eval_prompts or list(dict.fromkeys(prompts or [p for p, _ in pairs]))[:64] or [""])

    def evaluate(writer: CausalLM) -> dict[str, float]:
        texts, outputs = write(writer, tokenizer, asked, n_new, stop_sequences, seed)
        found = {} if metric_fn is None else call_with_texts(metric_fn, texts, asked, outputs)
        if reward_fn is not None:
            found = found | {"reward": call_with_texts(reward_fn, texts, asked, outputs)}
        return {f"eval/{k}": float(np.mean(checked_numbers(k, v, len(asked)))) for k, v in found.items()}

    rng, torch_rng = np.random.default_rng(seed), torch.Generator(next(iter(lm.parameters())).device).manual_seed(seed)
    heads: ILQLHeads | None = None
    writer: Any = lm
    if kind == "ppo":
        assert reward_fn is not None
        room = lm.context - max(map(len, prompt_ids(tokenizer, [*(prompts or []), *asked])))
        settings = config if isinstance(config, PPOConfig) else PPOConfig(n_new=min(n_new, room), steps=60, lr=1e-4)
        n_new = settings.n_new
        judge = lambda done: judged(reward_fn, done, tokenizer, stop_sequences)  # noqa: E731
        run = online(lm, tokenizer, judge, prompts or [""], settings, torch_rng)
    elif kind == "ilql":
        settings = config if isinstance(config, ILQLConfig) else ILQLConfig()
        torch.manual_seed(seed)
        heads = ILQLHeads(lm.config.width, lm.vocab_size).to(torch_rng.device)
        writer = Perturbed(lm, heads, beta)
        data = [Rated(p, answer, float(r)) for (p, answer), r in zip(pairs, rewards or [], strict=True)]
        run = ilql(lm, heads, tokenizer, data, settings, rng=rng)
    else:
        settings = config if isinstance(config, SFTConfig) else SFTConfig()
        run = sft(lm, tokenizer, pairs, settings, rng=rng)
    history = [dict(step=-1, **evaluate(writer))]
    for record in run:
        if (record["step"] + 1) % eval_every == 0:
            record = record | evaluate(writer)
        history.append(record)
        if log is not None:
            log(record)
    if (history[-1]["step"] + 1) % eval_every:
        history[-1] = history[-1] | evaluate(writer)
    return Trained(writer, tokenizer, history, n_new, stop_sequences, heads)


def choose(reward_fn, prompts, samples, rewards, config) -> str:
    """ "ppo", "ilql" or "sft", or a ValueError that says what is missing or does not fit together."""
    if reward_fn is not None:
        if samples is not None or rewards is not None:
            raise ValueError("both reward_fn and samples came: give reward_fn with prompts, or samples (with rewards)")
        kind = "ppo"
    elif samples is None:
        missing = (
            "prompts came without samples"
            if prompts
            else "rewards came without samples"
            if rewards
            else "nothing to learn from came"
        )
        raise ValueError(f"{missing}: give reward_fn with prompts, samples with rewards, or samples")
    else:
        if not len(samples):
            raise ValueError("samples is empty, but at least one text is needed")
        kind = "sft" if rewards is None else "ilql"
    if rewards is not None:
        n = len(samples or ())
        if len(rewards) != n:
            raise ValueError(f"{n} samples came with {len(rewards)} rewards, but each sample needs one")
        try:
            numbers = np.asarray(rewards, float)
        except (TypeError, ValueError):
            raise ValueError(f"rewards is {str(rewards)[:60]}, but it must be one number for each sample") from None
        if bad := int((~np.isfinite(numbers)).sum()):
            raise ValueError(
                f"{bad} of {len(rewards)} rewards are NaN or infinite: drop those texts or rate them again"
            )
    wanted = dict(ppo=PPOConfig, ilql=ILQLConfig, sft=SFTConfig)[kind]
    if config is not None and not isinstance(config, wanted):
        raise ValueError(
            f"config is a {type(config).__name__}, but what came calls for {kind.upper()}: use {wanted.__name__}"
        )
    return kind


def prompt_ids(tokenizer: Tokenizer, prompts: Sequence[str]) -> list[list[int]]:
    """Token ids; the empty prompt becomes the end token, after which a new text begins (as GPT-2 has it)."""
    return [tokenizer.encode(prompt) or [tokenizer.eos_id] for prompt in prompts]


def write(lm, tokenizer, prompts, n_new, stop_sequences, seed) -> tuple[list[str], list[str]]:
    """Samples (prompt and output together) and outputs after each prompt."""
    device = next(iter(lm.parameters())).device
    ids, mask = left_pad(prompt_ids(tokenizer, prompts), tokenizer.pad_id, device)
    room = min(n_new, lm.context - ids.shape[1])
    g = torch.Generator(device).manual_seed(seed)
    done = sample(lm, ids, mask, room, eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id, generator=g)
    outputs = [cut(text, stop_sequences) for text in texts_of(done, tokenizer)[1]]
    return [prompt + output for prompt, output in zip(prompts, outputs, strict=True)], outputs


def judged(reward_fn: Judge, done: Completions, tokenizer: Tokenizer, stop_sequences: Sequence[str]) -> torch.Tensor:
    """The reward function's numbers for finished texts, cut at stop sequences."""
    prompts, outputs = texts_of(done, tokenizer)
    outputs = [cut(text, stop_sequences) for text in outputs]
    texts = [prompt + output for prompt, output in zip(prompts, outputs, strict=True)]
    numbers = call_with_texts(reward_fn, texts, prompts, outputs)
    return torch.tensor(checked_numbers("reward", numbers, len(texts)), device=done.ids.device)


def online(lm, tokenizer, judge, prompts, config: PPOConfig, generator: torch.Generator) -> Iterator[dict]:
    """PPO on rewards scaled to mean 0 and spread 1 of what the model writes at first; unscaled where it all scores alike."""
    rows = prompt_ids(tokenizer, prompts)
    reference = copy.deepcopy(lm).requires_grad_(False)
    ends = dict(eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id)
    ids, mask = left_pad([rows[i % len(rows)] for i in range(128)], tokenizer.pad_id, generator.device)
    first = judge(sample(reference, ids, mask, config.n_new, generator=generator, **ends)).float()
    spread = first.std(correction=0)
    scale = Scale(first.mean(), spread if spread > 1e-6 else torch.ones_like(spread))
    policy, fixed = (AlwaysEnds(m, tokenizer.eos_id) for m in (lm, reference))
    head = ScalarHead(lm.config.width).to(generator.device)
    config = replace(config, missing_eos=0.0)  # never used: every text is made to end
    return ppo(policy, head, fixed, scale(judge), rows, config, generator=generator, **ends)
