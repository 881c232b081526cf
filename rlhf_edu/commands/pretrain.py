"""`rlhf-edu pretrain stories` (or reviews): make a world's mini GPT-2 from nothing, exactly as the shipped one was made."""

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rlhf_edu.core import pick_device
from rlhf_edu.lm.checkpoint import DATA, save
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.tokenizer import Tokenizer, bpe_tokenizer, split_words, word_tokenizer
from rlhf_edu.lm.train import PretrainConfig, batches, held_out, pretrain
from rlhf_edu.reward.themes import find_themes, save_themes
from rlhf_edu.rlhf.studio import Studio
from rlhf_edu.worlds.world import World, world


@dataclass(frozen=True)
class Recipe:
    texts: int
    layers: int
    heads: int
    width: int
    train: PretrainConfig
    byte_pairs: int = 0  # size of a byte-pair vocabulary; 0 for one token a word
    themes: int = 0  # directions in which a text's halves go together (reward/themes.py); 0 for none


RECIPES = {
    "stories": Recipe(texts=60_000, layers=4, heads=4, width=128, train=PretrainConfig(steps=1500, lr=4e-3), themes=32),
    "reviews": Recipe(
        texts=9_544,  # all there are: more than a few passes, and the model learns them by heart
        layers=4,
        heads=4,
        width=160,
        train=PretrainConfig(steps=700, lr=3e-3, weight_decay=0.1),
        byte_pairs=2048,
    ),
}


def write_texts(name: str, n: int, seed: int) -> list[str]:
    """In another process: the corpus is written on one core while the other trains."""
    return world(name).texts(n, seed)


def corpus(place: World, n: int, seed: int, pieces: int = 8) -> list[str]:
    """n texts of a world, written by all cores; the same texts however many cores there are."""
    if place.held_out is not None:  # nothing to write: the texts are there
        return place.texts(n, seed)
    with ProcessPoolExecutor() as pool:
        parts = [pool.submit(write_texts, place.name, n // pieces, 1000 * (seed + 1) + i) for i in range(pieces)]
        return [text for part in parts for text in part.result()]


def measure(gpt2: GPT2, tokenizer: Tokenizer, place: World) -> dict:
    """Held-out loss, and how well the model writes at temperature 1: on texts and openings it has never seen."""
    surprise = held_out(gpt2, tokenizer, (place.held_out or place.texts)(500, 999_983))
    studio = Studio(place, gpt2, tokenizer)
    done = studio.write(gpt2, place.openings(512, 999_979), studio.generator("test"))
    texts = studio.read(done)
    return dict(
        held_out_nats_per_token=round(surprise["held_out_nats"], 4),
        bits_per_byte=round(surprise["bits_per_byte"], 4),
        grammatical=round(float(np.mean([place.grammatical(text) for text in texts])), 4),
        ended=round((done.new_ids == tokenizer.eos_id).any(1).float().mean().item(), 4),
    )


def pretrain_command(name: str, out: Path | None, steps: int | None, seed: int, device_name: str) -> int:
    console, start = Console(), time.perf_counter()
    place, device = world(name), pick_device(device_name)
    recipe = RECIPES[name]
    config = recipe.train if steps is None else PretrainConfig(**{**asdict(recipe.train), "steps": steps})
    torch.manual_seed(seed)

    console.print(f"writing {recipe.texts:,} texts of the {name} world …", highlight=False)
    texts = corpus(place, recipe.texts, seed)
    words = sorted({word for text in texts for word in split_words(text)})
    tokenizer = bpe_tokenizer(texts, recipe.byte_pairs) if recipe.byte_pairs else word_tokenizer(words)
    encoded = tokenizer.rust.encode_batch(texts, add_special_tokens=False)
    rows = [encoding.ids + [tokenizer.eos_id] for encoding in encoded]
    context = max(map(len, rows)) + 5  # a little room: the model may run on before it ends
    gpt2 = GPT2(GPT2Config(tokenizer.vocab_size, context, recipe.layers, recipe.heads, recipe.width)).to(device)
    size = sum(p.numel() for p in gpt2.parameters())
    console.print(f"{tokenizer.vocab_size} tokens in the vocabulary, {size / 1e6:.2f} M weights", highlight=False)

    kept = Path("runs") / f"pretrain-{name}-{seed}.pt"  # an interrupted run goes on from here
    data = batches(rows, config.batch, tokenizer.pad_id, np.random.default_rng(seed))
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=config.steps, words="")
        for record in pretrain(gpt2, data, config, checkpoint=kept):
            bar.update(task, completed=record["step"] + 1, words=f"{record['loss']:.3f} nats per token")
    quality = measure(gpt2.eval(), tokenizer, place)
    folder = save(
        out or DATA / name,
        gpt2,
        tokenizer,
        torch.float16,
        made_by=f"rlhf-edu pretrain {name} --seed {seed}",
        date=date.today().isoformat(),
        seconds=round(time.perf_counter() - start),
        threads=torch.get_num_threads(),
        recipe=asdict(recipe) | {"train": asdict(config)},
        quality=quality,
    )
    if recipe.themes:
        ends = {tokenizer.encode(mark)[0] for mark in ".!?"}
        save_themes(folder, find_themes(rows, ends, gpt2.vocab_size, recipe.themes))
    kept.unlink(missing_ok=True)
    for key, value in quality.items():
        console.print(f"  {key.replace('_', ' '):<24} {value}", highlight=False)
    console.print(f"saved in {folder} after {time.perf_counter() - start:.0f} s", highlight=False, markup=False)
    return 0
