"""Over-optimisation: a reward model of a few unsteady choices, optimised hard, while the hidden taste that made them looks on.

For each seed: one reward model and an ensemble (each member fitted to a bootstrap sample of the choices) from the same answers.
PPO then climbs, with no price for the KL, on the one model ("single"), on the ensemble's lower bound ("bootstrap"), on that of
members with the same samples and each a prior of its own ("anchored" and, of forty, "anchored_40"; reward/ensemble.py), and on the lower bound of infinitely
many heads drawn from the posterior ("posterior", see rlhf/constraints.py); best-of-n climbs on the one model. Gold is counted in standard deviations of the reference's texts, above their mean, like the proxy. The published
forms are fitted to all seeds together; intervals come from drawing whole seeds again.

python tests/benchmarks/bench_overoptimisation.py [--seeds 30 31 …] [--taste brave] [--log FILE] [--report]
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from machine import headline, spread

from rlhf_edu.evaluate import Law, bootstrap, fit_law
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import Pair, to_pairs
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import Completions
from rlhf_edu.reward.ensemble import Ensemble, draw_anchors
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.train import FitConfig, fit_preferences, pair_features
from rlhf_edu.rlhf.best_of_n import best_of_n_curve, best_of_n_kl
from rlhf_edu.rlhf.constraints import head_posterior, lower_bound
from rlhf_edu.rlhf.loop import reading_on, write_pairs
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.shaping import reference_scale
from rlhf_edu.rlhf.studio import Studio, open_studio

MEMBERS, K = 5, 1.0  # of an ensemble; standard deviations that its lower bound takes off
MANY = 40  # members whose spread is known to a tenth; of five, to a third
NS = (1, 2, 4, 8, 16, 32, 64, 128)
FAR = 1000.0  # nats: a turning point beyond has not been seen
PROMPTS = 8  # best-of-n: openings, each continued max(NS) times
METHODS = ("single", "posterior", "best_of_n", "bootstrap", "anchored", "anchored_40")


def ask(studio: Studio, gold: Callable[[str], float], labels: int, temperature: float):
    """The choices of a person who wavers, the drafts, and a reward model settled on these that has learned nothing yet."""
    model = studio.reward_model()
    queries, drafts = write_pairs(studio, model, labels)
    person = reading_on(boltzmann(gold, temperature, rng=np.random.default_rng(studio.seed)))
    return to_pairs([answer for query in queries if (answer := person(query))]), drafts, model


def another(studio: Studio, first: RewardModel, pairs: list[Pair], head: ScalarHead | None = None) -> RewardModel:
    """A reward model of these choices that shares `first`'s eyes: the trunk is the same, so features are computed once.

    A `head` that is given stays close to where it begins.
    """
    model = studio.reward_model()
    model.load_state_dict(first.state_dict())
    model.head = head or ScalarHead(model.head.linear.in_features).to(studio.device)
    fit_preferences(model, studio.tokenizer, pairs, anchored=head is not None).run()
    model.read = first.read
    return model


def make_panels(studio: Studio, blank: RewardModel, pairs: list[Pair], drafts: Completions) -> dict[str, Ensemble]:
    """The ensembles. "anchored" has the samples of "bootstrap": what differs is the prior."""
    rng = np.random.default_rng(studio.seed)

    def draw(size: int) -> list[list[Pair]]:
        return [[pairs[i] for i in rng.integers(len(pairs), size=len(pairs))] for _ in range(size)]

    first = draw(MEMBERS)
    panels = dict(bootstrap=Ensemble([another(studio, blank, sample) for sample in first], K).settle(drafts))
    for name, size in dict(anchored=MEMBERS, anchored_40=MANY).items():
        samples = first if size == MEMBERS else draw(size)
        heads = [ScalarHead(blank.head.linear.in_features).to(studio.device) for _ in samples]
        draw_anchors(heads, FitConfig.prior, len(pairs), rng=rng)
        members = [another(studio, blank, *both) for both in zip(samples, heads, strict=True)]
        panels[name] = Ensemble(members, K).settle(drafts, one_unit=True)
    return panels


def expected(panel: Ensemble) -> Callable[[Completions], torch.Tensor]:
    """The members' mean reward to expect before each token."""
    judges = list(zip(panel.members, panel.gain, panel.bias, strict=True))
    return lambda done: torch.stack([gain * m.expected(done) + bias for m, gain, bias in judges]).mean(0)


def climb(studio: Studio, judge, expected, drafts: Completions, config: PPOConfig, watch) -> list[dict]:
    """PPO from the reference on a judge whose scores of `drafts` get mean 0 and standard deviation 1."""
    studio.policy.load_state_dict(studio.reference.state_dict())
    scale = reference_scale(judge, drafts)
    return ppo(
        studio.policy,
        ScalarHead(studio.policy.config.width).to(studio.device),
        studio.reference,
        scale(judge),
        studio.prompt_ids(studio.openings(2000, "ppo")),
        config,
        eos_id=studio.tokenizer.eos_id,
        pad_id=studio.tokenizer.pad_id,
        generator=studio.generator("ppo"),
        expected=scale(expected),
        watch_texts=watch,
    ).run()


def climbs(seed: int, methods: list[str], options: argparse.Namespace) -> Iterator[dict]:
    """One record a method: how it went, step by step."""
    studio = open_studio("stories", seed)
    gold = studio.world.taste(options.taste)
    pairs, drafts, blank = ask(studio, gold, options.labels, options.temperature)
    single = another(studio, blank, pairs)
    panels = make_panels(studio, blank, pairs, drafts)
    proxy = reference_scale(single, drafts)(single)  # whoever is optimised, this one judges too
    before = np.array([gold(text) for text in studio.read(drafts)])

    def liked(done: Completions) -> np.ndarray:
        return (np.array([gold(text) for text in studio.read(done)]) - before.mean()) / before.std()

    def watch(done: Completions) -> dict:
        texts = studio.read(done)
        return dict(
            gold=float(liked(done).mean()),
            proxy=proxy(done).mean().item(),
            grammatical=float(np.mean([studio.world.grammatical(text) for text in texts])),
        )

    config = PPOConfig(steps=options.steps, batch=48, lr=1e-3, beta=0.0)
    covariance = head_posterior(single, *pair_features(single, studio.tokenizer, pairs), FitConfig.prior)
    judges = dict(
        single=(single, single.expected),
        posterior=(lower_bound(single, covariance, K), single.expected),
        **{name: (panel, expected(panel)) for name, panel in panels.items()},
    )
    keep = ("score", "proxy", "gold", "kl_nats", "grammatical", "distinct_2", "ended", "n_new")
    about = dict(seed=seed, correlation=float(np.corrcoef(single(drafts).detach(), before)[0, 1]))
    for name in methods:
        start = time.perf_counter()
        if name == "best_of_n":
            done = studio.write(studio.reference, studio.openings(PROMPTS, "test"), studio.generator("test"), max(NS))
            table = [x.reshape(PROMPTS, -1) for x in (proxy(done).detach().numpy(), liked(done))]
            curves = [best_of_n_curve(table[0], x, NS).mean(0) for x in table]
            rows = zip(map(best_of_n_kl, NS), *curves, strict=True)
            history = [dict(kl_nats=kl, proxy=float(p), gold=float(g)) for kl, p, g in rows]
        else:
            records = climb(studio, *judges[name], drafts, config, watch)
            history = [{key: round(record[key], 4) for key in keep} for record in records]
        yield about | {name: history, f"{name}_seconds": time.perf_counter() - start}


def report(runs: list[dict]) -> None:
    correlations = [run["correlation"] for run in runs]
    print(f"The proxy's correlation with gold on the reference's texts: {spread(correlations)}, {len(runs)} seeds.\n")
    print(
        "| climber (seeds) | best gold | at KL, nats | gold at the end | proxy at the end | KL at the end | grammatical |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    groups = {name: [run[name] for run in runs if name in run] for name in METHODS}
    groups = {name: group for name, group in groups.items() if group}
    for name, group in groups.items():
        tops = [max(smoothed(run), key=lambda point: point["gold"]) for run in group]
        ends = [smoothed(run)[-1] for run in group]
        columns = [spread([p["gold"] for p in tops]), spread([p["kl_nats"] for p in tops], 1)]
        columns += [spread([p[key] for p in ends], n) for key, n in (("gold", 2), ("proxy", 2), ("kl_nats", 0))]
        columns.append(spread([p["grammatical"] for p in ends]) if "grammatical" in ends[0] else "")
        print(f"| {name} ({len(group)}) | {' | '.join(columns)} |")
    print()
    for name, group in groups.items():
        print(f"{name}: {law_of(group, 'best_of_n' if name == 'best_of_n' else 'rl')}")
    for name in ("posterior", "bootstrap", "anchored", "anchored_40"):
        both = [(run[name], run["single"]) for run in runs if name in run and "single" in run]
        if len(both) > 1:
            print(f"\n{name} against single, seed by seed ({len(both)} seeds; intervals: whole seeds drawn again)")
            against(both)


def law_of(group: list[list[dict]], form: str = "rl", resamples: int = 1000) -> Law:
    """The published form, fitted to all points of these runs together."""
    points = [(i, point) for i, run in enumerate(group) for point in run if point["kl_nats"] > 0.01]
    kl, gold = (np.array([point[key] for _, point in points]) for key in ("kl_nats", "gold"))
    which = np.array([i for i, _ in points])
    return fit_law(kl, gold, form, rng=np.random.default_rng(0), runs=which, resamples=resamples)


def against(both: list[tuple[list[dict], list[dict]]]) -> None:
    """What one climber has over the other on the same seeds: best gold, gold at the end, and where the fitted curve turns."""
    rng, rows = np.random.default_rng(1), np.arange(len(both))
    for what, value in dict(
        best_gold=lambda run: max(p["gold"] for p in smoothed(run)), last_gold=lambda run: smoothed(run)[-1]["gold"]
    ).items():
        gains = np.array([value(a) - value(b) for a, b in both])
        print(
            f"  {what}: {bootstrap(lambda x: float(x.mean()), gains, rng=rng)} higher; each {gains.round(2).tolist()}"
        )

    def later(drawn: np.ndarray) -> float:
        """log of the ratio of turning points; one beyond FAR has not been seen and counts as FAR."""
        turns = [law_of([pair[k] for pair in map(both.__getitem__, drawn)], resamples=1).peak_kl.value for k in (0, 1)]
        return float(np.diff(np.log(np.clip(turns[::-1], 0.1, FAR)))[0])

    found = bootstrap(later, rows, rng=rng, resamples=500)
    print(
        f"  gold turns at {np.exp(found.value):.2f} ({np.exp(found.low):.2f} to {np.exp(found.high):.2f}) times the KL"
    )


def smoothed(history: list[dict], window: int = 3) -> list[dict]:
    """Means over `window` neighbouring steps: one batch of 48 texts alone is too noisy to take a maximum of."""
    if "score" not in history[0]:
        return history  # best-of-n averages over all subsets already
    rows = [history[i : i + window] for i in range(len(history) - window + 1)]
    return [{key: float(np.mean([r[key] for r in row])) for key in row[0]} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[30, 31, 32, 33, 34])  # never used while tuning
    parser.add_argument("--taste", default="brave")
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument("--temperature", type=float, default=0.2)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("runs/bench_overoptimisation.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the tables of what is in --log")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.log.parent.mkdir(parents=True, exist_ok=True)
    runs: dict[int, dict] = {}
    for line in options.log.read_text().splitlines() if options.log.exists() else []:
        record = json.loads(line)
        runs.setdefault(record["seed"], {}).update(record)
    for seed in [] if options.report else options.seeds:
        missing = [name for name in options.methods if name not in runs.get(seed, {})]
        for record in climbs(seed, missing, options) if missing else ():
            runs.setdefault(seed, {}).update(record)
            with options.log.open("a") as log:
                log.write(json.dumps(record) + "\n")
            print(f"seed {seed}: {list(record)[2]} done", flush=True)
    print(f"\n{headline(options.threads)}, {options.labels} choices by {options.taste!r}\n")
    report(list(runs.values()))


if __name__ == "__main__":
    main()
