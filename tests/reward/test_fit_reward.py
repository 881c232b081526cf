"""One fit for all kinds of feedback: against another optimiser, on every backbone, and from answers that say nothing."""

import math
from functools import partial

import numpy as np
import pytest
import tiny
import tiny_studio
import torch
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from sklearn.feature_extraction.text import CountVectorizer

from rlhf_edu.feedback.types import Edit, Preference, Ranking, Rating
from rlhf_edu.reward.answers import People
from rlhf_edu.reward.fit import BUNCH, FitRewardConfig, fit_reward, parts
from rlhf_edu.reward.labels import FIRST, SECOND, TIE, Labels, labels_of
from rlhf_edu.reward.losses import noisy_bradley_terry
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.scorers import Columns, LMFeatures, Numbers, Scorer, TrunkScorer, encode, read, thinned

TRUTH = np.array([1.0, -2.0, 0.5])
LONG = FitRewardConfig(steps=500, lr=0.1, prior=0.02)


def answers(seed: int, n: int = 60, kinds: str = "rpkt") -> Labels:
    """Items with three numbers, and noisy answers about their hidden reward: r(atings), p(airs), t(ies), (ran)k(ings)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    r = x @ TRUTH
    pairs = np.array([rng.choice(n, 2, replace=False) for _ in range(n)])
    logits = np.stack([r[pairs[:, 0]], r[pairs[:, 1]], r[pairs].mean(1) + (0.5 if "t" in kinds else -99)])
    outcome = (logits + rng.gumbel(size=logits.shape)).argmax(0)
    triples = np.array([rng.choice(n, 3, replace=False) for _ in range(n // 2)])
    order = np.argsort(-(r[triples] + rng.gumbel(size=triples.shape)), axis=1)
    score = np.digitize(r + rng.logistic(size=n), [-2.0, 0.0, 2.0]) + 1.0
    there = {kind: slice(None) if kind in kinds else slice(0) for kind in "rpk"}
    return Labels(
        list(x),
        torch.arange(n)[there["r"]],
        torch.tensor(score, dtype=torch.float32)[there["r"]],
        torch.tensor(pairs)[there["p"]],
        torch.tensor(outcome)[there["p"]],
        ranked=torch.tensor(np.take_along_axis(triples, order, 1))[there["k"]],
        sizes=torch.full((n // 2,), 3)[there["k"]],
    )


def fitted(labels: Labels, config=LONG, **kwargs) -> tuple[Scorer, list[dict]]:
    scorer = Scorer(Numbers(), 3)
    return scorer, fit_reward(scorer, labels, config, **kwargs).run()


def by_hand(labels: Labels, prior: float) -> float:
    """The same minimum by scipy's BFGS, with every likelihood written as arithmetic on arrays."""
    x = np.stack(labels.items).astype(float)
    x = (x - x.mean(0)) / x.std(0)
    pairs, ranked, level = labels.pairs.numpy(), labels.ranked.numpy(), labels.scores.numpy().astype(int) - 1

    def cost(theta):
        w, nu, first, gaps = theta[:3], math.exp(theta[3]), theta[4], np.exp(theta[5:7])
        r = x @ w + theta[7]
        cuts = np.array([-np.inf, first, first + gaps[0], first + gaps.sum(), np.inf])
        a, b = r[pairs[:, 0]], r[pairs[:, 1]]
        chances = np.stack([np.exp(a), np.exp(b), nu * np.exp((a + b) / 2)])
        total = -np.log(chances[labels.outcome.numpy(), range(len(a))] / chances.sum(0)).sum()
        total -= np.log(expit(cuts[level + 1] - r) - expit(cuts[level] - r)).sum()
        for row in ranked:
            total -= sum(r[row[k]] - logsumexp(r[row[k:]]) for k in range(3))
        return total / (len(pairs) + len(level) + len(ranked)) + prior * w @ w

    return minimize(cost, np.zeros(8), method="BFGS").fun


def test_a_mixture_of_all_kinds_reaches_the_minimum_that_another_optimiser_finds():
    labels = answers(1)
    scorer, records = fitted(labels)
    w = scorer.head[0].linear.weight[0].detach()
    assert records[-1]["loss"] + 0.02 * (w @ w).item() == pytest.approx(by_hand(labels, 0.02), rel=1e-4)
    assert set(records[-1]) == {"step", "loss", "rating_loss", "pair_loss", "ranking_loss", "accuracy"}


@pytest.mark.parametrize("kinds", ["r", "p", "pt", "k", "rpkt"])
def test_every_kind_alone_finds_the_hidden_reward(kinds):
    scorer, records = fitted(answers(2, n=200, kinds=kinds))
    fresh = np.random.default_rng(3).normal(size=(500, 3)).astype(np.float32)
    with torch.no_grad():
        r = scorer(list(fresh)).numpy()
    assert np.corrcoef(r, fresh @ TRUTH)[0, 1] > 0.95
    assert records[-1]["loss"] < records[0]["loss"]


def test_all_kinds_measure_in_the_same_unit():
    """Pairs, rankings and ordinal ratings with logistic noise are the same people: each alone finds the same slope."""
    x = TRUTH / np.linalg.norm(TRUTH) ** 2
    probe = [np.zeros(3, np.float32), x.astype(np.float32)]  # one unit of true reward apart
    for kinds in ("r", "p", "k"):
        scorer, _ = fitted(answers(4, n=2000, kinds=kinds), FitRewardConfig(steps=300, prior=0.0))
        with torch.no_grad():
            low, high = scorer(probe).tolist()
        assert high - low == pytest.approx(1.0, abs=0.15), kinds


def test_ratings_can_be_read_off_each_scale():
    labels = answers(5, n=400, kinds="r")
    for kind in ("ordinal", "squared", "classes"):
        people = People(labels, kind)
        scorer, _ = fitted(labels, FitRewardConfig(steps=400, prior=0.0), people=people)
        with torch.no_grad():
            expected = people.scale.expected(scorer(labels.items))
        assert expected.mean().item() == pytest.approx(labels.scores.mean().item(), abs=0.05)
        assert np.corrcoef(expected, labels.scores)[0, 1] > 0.75
        assert 1 <= expected.min() < expected.max() <= 5 or kind == "squared"


def test_the_gaussian_scale_is_linear_regression():
    labels = answers(6, n=100, kinds="r")
    people = People(labels, "squared")
    scorer, records = fitted(labels, FitRewardConfig(steps=800, lr=0.1, prior=0.0), people=people)
    x = np.c_[np.stack(labels.items), np.ones(100)].astype(float)
    y = labels.scores.numpy()
    fit = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    with torch.no_grad():
        assert people.scale.expected(scorer(labels.items)).numpy() == pytest.approx(fit, abs=0.01)
    noise = np.std(y - fit) / np.std(y)
    assert records[-1]["loss"] == pytest.approx(0.5 + math.log(noise) + 0.5 * math.log(2 * math.pi), abs=1e-3)


def test_fondness_of_ties_is_learned():
    labels = answers(7, n=3000, kinds="pt")
    people = People(labels)
    fitted(labels, FitRewardConfig(steps=300, prior=0.0), people=people)
    assert people.log_nu.item() == pytest.approx(0.5, abs=0.15)


def test_a_loss_of_your_own_sees_the_decided_pairs_the_right_way_round():
    x = [np.array([i, 0, 0], np.float32) for i in range(4)]
    labels = Labels(x, pairs=torch.tensor([[3, 1], [0, 2], [1, 2]]), outcome=torch.tensor([FIRST, SECOND, TIE]))
    seen = []

    def loss(chosen, rejected):
        seen.append((chosen - rejected).detach())
        return -(chosen - rejected).mean()

    scorer = Scorer(Numbers(), 3)
    torch.nn.init.ones_(scorer.head[0].linear.weight)
    next(fit_reward(scorer, labels, people=People(labels, pair_loss=loss)))
    assert len(seen[0]) == 2
    assert (seen[0] > 0).all()
    noisy = People(labels, pair_loss=partial(noisy_bradley_terry, lapse=0.2))
    assert next(fit_reward(Scorer(Numbers(), 3), labels, people=noisy))["loss"] == pytest.approx(math.log(2), abs=1e-5)


def test_weights_decide_which_kind_is_heard():
    labels = answers(8)
    free = FitRewardConfig(steps=600, lr=0.1, prior=0.0)
    only, _ = fitted(labels, free, weights=dict(rating=0.0, ranking=0.0))
    pairs, _ = fitted(Labels(labels.items, pairs=labels.pairs, outcome=labels.outcome), free)
    with torch.no_grad():
        a, b = only(labels.items), pairs(labels.items)
    assert (a - a.mean()).numpy() == pytest.approx((b - b.mean()).numpy(), abs=0.02)
    people, r = People(labels), torch.randn(60, generator=torch.Generator().manual_seed(1))
    parts, n = people.losses(r, labels), labels.counts()
    total = sum(n[k] * v for k, v in parts.items()) / len(labels)
    assert torch.allclose(people.total(parts, labels), total)
    with pytest.raises(ValueError, match="weights names"):
        next(fit_reward(Scorer(Numbers(), 3), labels, weights=dict(stars=1.0)))
    with pytest.raises(ValueError, match="at least one kind"):
        next(fit_reward(Scorer(Numbers(), 3), labels, weights=dict.fromkeys(n, 0.0)))


def test_batches_go_through_every_answer_and_end_near_the_same_place():
    labels = answers(9, n=100)
    config = FitRewardConfig(steps=500, lr=0.05, prior=0.02)
    whole, _ = fitted(labels, config)
    batched, _ = fitted(labels, FitRewardConfig(**(vars(config) | dict(batch=25))), rng=np.random.default_rng(1))
    with torch.no_grad():
        a, b = whole(labels.items), batched(labels.items)
    assert np.corrcoef(a, b)[0, 1] > 0.99
    with pytest.raises(ValueError, match="rng"):
        next(fit_reward(Scorer(Numbers(), 3), labels, FitRewardConfig(batch=5)))


def test_a_round_of_batches_holds_every_answer_once_and_texts_of_like_length():
    rng = np.random.default_rng(14)
    items = ["x" * int(n) for n in rng.integers(1, 400, size=4 * BUNCH * 5)]
    pairs = torch.arange(len(items)).view(-1, 2)
    outcome = torch.zeros(len(pairs), dtype=torch.long)
    ranked = torch.tensor([[0, 1, -1], [2, 3, 4]])
    labels = Labels(items, pairs=pairs, outcome=outcome, ranked=ranked, sizes=torch.tensor([2, 3]))
    longest = [max(len(items[i]) for i in row) for row in [*pairs.tolist(), [0, 1], [2, 3, 4]]]
    assert labels.lengths().tolist() == longest
    mixed, found = parts(labels, 4, rng), []
    while sum(map(len, found)) < len(labels):
        found.append(next(mixed))
    seen = sorted(tuple(row) for part in found for row in part.pairs.tolist())
    assert seen == [tuple(row) for row in pairs.tolist()]
    assert sum(len(part.ranked) for part in found) == 2
    within = np.mean([part.lengths().std() for part in found if len(part) == 4])
    assert within < 0.3 * np.std(longest)  # at random it would be about as large
    numbers = answers(1)
    assert numbers.lengths().tolist() == [0] * len(numbers)


def test_learning_rates_rise_then_fall_in_straight_lines():
    config = FitRewardConfig(steps=10, warmup=4)
    assert [config.share(step) for step in range(10)] == pytest.approx(
        [1 / 4, 2 / 4, 3 / 4, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    )
    assert [FitRewardConfig(steps=4).share(step) for step in range(4)] == [1, 0.75, 0.5, 0.25]


def test_a_fit_can_go_on_from_where_another_stopped():
    labels = answers(15)
    scorer, _ = fitted(labels)
    shifted = Labels([x + 5 for x in labels.items], pairs=labels.pairs, outcome=labels.outcome)
    with torch.no_grad():
        before = scorer(labels.items)
    centre = scorer.centre.clone()
    next(fit_reward(scorer, shifted, FitRewardConfig(lr=1e-9), settle=False))
    with torch.no_grad():
        assert torch.allclose(scorer(labels.items), before, atol=1e-5)
    assert torch.equal(scorer.centre, centre)
    next(fit_reward(scorer, shifted, FitRewardConfig(lr=1e-9)))
    assert not torch.allclose(scorer.centre, centre, atol=1)


def test_a_network_on_observations_learns_what_no_line_can():
    rng = np.random.default_rng(10)
    x = rng.uniform(-1, 1, size=(300, 2)).astype(np.float32)
    r = -4 * np.abs(x[:, 0])
    pairs = rng.integers(300, size=(400, 2))
    outcome = np.where(rng.random(400) < expit(r[pairs[:, 0]] - r[pairs[:, 1]]), FIRST, SECOND)
    labels = Labels(list(x), pairs=torch.tensor(pairs), outcome=torch.tensor(outcome))
    torch.manual_seed(0)
    found = {}
    for hidden in ((), (32,)):
        scorer = Scorer(Numbers(), 2, hidden)
        fit_reward(scorer, labels, FitRewardConfig(steps=300, lr=0.01, prior=1e-3)).run()
        found[hidden] = np.corrcoef(scorer(labels.items).detach(), r)[0, 1]
    assert found[(32,)] > 0.9 > 0.3 > abs(found[()])


WORDS = ["good", "bad", "fish", "tree", "moon"]


def texts(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, size=6))


def test_records_of_every_kind_teach_a_bag_of_words():
    rng, records = np.random.default_rng(11), []
    taste = lambda t: t.split().count("good") - t.split().count("bad")  # noqa: E731
    for _ in range(40):
        a, b, c = (texts(rng) for _ in range(3))
        records += [
            Preference("", a, b, choice="tie" if taste(a) == taste(b) else "a" if taste(a) > taste(b) else "b"),
            Rating("", a, score=float(np.clip(3 + taste(a), 1, 5))),
            Edit("", b, b.replace("bad", "good")),
        ]
        if len({a, b, c}) == 3:
            records.append(Ranking("", (a, b, c), tuple(sorted(range(3), key=lambda i: -taste((a, b, c)[i])))))
    labels = labels_of(records)
    count = CountVectorizer(vocabulary=WORDS)
    scorer = Scorer(Columns(count.transform), len(WORDS))
    history = fit_reward(scorer, labels, FitRewardConfig(steps=300)).run()
    assert {"rating_loss", "pair_loss", "edit_loss", "ranking_loss"} <= set(history[-1])
    w = dict(zip(WORDS, (scorer.head[0].linear.weight[0] / scorer.scale).tolist(), strict=True))
    assert w["good"] > 1 > 0.3 > abs(w["fish"])
    assert w["bad"] < -1


POLICY, TOKENIZER = tiny.gpt2(1), tiny_studio.tokenizer()
STORIES = labels_of(
    Preference(" w3", a, b, choice="a" if tiny_studio.low(a) > tiny_studio.low(b) else "b")
    for rng in [np.random.default_rng(12)]
    for a, b in (["".join(rng.choice(tiny_studio.WORDS, size=6)) for _ in range(2)] for _ in range(60))
)


def test_the_fit_trains_the_reward_model_itself():
    done = tiny.written(POLICY, seed=2, n=40)
    model = RewardModel(POLICY).settle(done)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    records = fit_reward(TrunkScorer(model, TOKENIZER), STORIES, FitRewardConfig(steps=200, prior=1e-4)).run()
    assert records[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert records[-1]["accuracy"] > 0.7
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(name.startswith("head") for name in changed)
    assert model(done).std() > 0  # and it is a RewardFn


@pytest.mark.parametrize("pool", ["mean", "sqrt", "last"])
def test_a_language_model_is_read_as_it_stands_or_fine_tuned(pool):
    alone = LMFeatures(POLICY, TOKENIZER, pool=pool)
    one = torch.tensor([TOKENIZER.encode(STORIES.items[0]) + [TOKENIZER.eos_id]])
    with torch.no_grad():
        hidden = POLICY(one, torch.ones_like(one, dtype=torch.bool)).hidden[0]
    expected = dict(mean=hidden.mean(0), sqrt=sum(hidden) / len(hidden) ** 0.5, last=hidden[-1])[pool]
    assert torch.allclose(read(Scorer(alone, tiny.WIDTH), STORIES.items)[0], expected, atol=1e-5)

    lm = tiny.gpt2(1)
    scorer = Scorer(LMFeatures(lm, TOKENIZER, pool=pool, trainable=True), tiny.WIDTH)
    assert scorer.trainable
    config = FitRewardConfig(steps=30, lr=0.02, backbone_lr=3e-3, batch=30, prior=1e-3)
    records = fit_reward(scorer, STORIES, config, rng=np.random.default_rng(1)).run()
    assert records[-1]["loss"] < records[0]["loss"] - 0.1
    assert not torch.equal(lm.tokens.weight, POLICY.tokens.weight)
    frozen = Scorer(alone, tiny.WIDTH)
    fit_reward(frozen, STORIES, FitRewardConfig(steps=3)).run()
    assert not frozen.trainable
    assert all(torch.equal(a, b) for a, b in zip(tiny.gpt2(1).parameters(), POLICY.parameters(), strict=True))


def test_tokens_are_left_out_only_while_it_learns_and_never_the_end():
    rng = np.random.default_rng(3)
    rows = [thinned(list(range(50)), 0.3, rng) for _ in range(200)]
    assert np.mean([len(row) for row in rows]) == pytest.approx(1 + 49 * 0.7, abs=0.8)
    assert all(row[-1] == 49 and row == sorted(set(row)) for row in rows)
    features = LMFeatures(tiny.gpt2(1), TOKENIZER, trainable=True, drop=0.5, rng=rng)
    whole = LMFeatures(POLICY, TOKENIZER).features(STORIES.items[:4])
    with torch.no_grad():
        assert torch.allclose(features.features(STORIES.items[:4]), whole, atol=1e-5)
    assert not torch.allclose(features.features(STORIES.items[:4]), whole, atol=1e-3)


def test_texts_longer_than_the_context_are_refused_or_cut_where_you_say_so():
    long = " w4" * tiny.CONTEXT
    with pytest.raises(
        ValueError, match=rf"a text has {tiny.CONTEXT} tokens .* but the model reads {tiny.CONTEXT - 1}"
    ):
        encode(TOKENIZER, [" w3", long], tiny.CONTEXT, cut=False)
    rows = encode(TOKENIZER, [" w3", long], tiny.CONTEXT, cut=True)
    assert [len(row) for row in rows] == [2, tiny.CONTEXT]
    assert all(row[-1] == TOKENIZER.eos_id for row in rows)
    labels = labels_of([Preference(long, " w5", " w6", choice="a")])
    model = RewardModel(POLICY).settle(tiny.written(POLICY, seed=2, n=40))
    with pytest.raises(ValueError, match="equal once cut to its context"):
        next(fit_reward(TrunkScorer(model, TOKENIZER, cut=True), labels))


def test_features_that_are_not_finite_are_refused():
    features = torch.zeros(3, 2)
    features[1, 0] = float("nan")
    with pytest.raises(ValueError, match="1 of 3 items have NaN or infinity among their features"):
        Scorer(Numbers(), 2).settle(features)


def test_constant_features_are_refused_and_one_constant_column_does_no_harm():
    labels = answers(13, kinds="p")
    with pytest.raises(ValueError, match=r"all \d+ items have the same features"):
        next(fit_reward(Scorer(Columns(lambda items: np.ones((len(items), 3))), 3), labels))
    padded = Labels([np.append(x, 7.0) for x in labels.items], pairs=labels.pairs, outcome=labels.outcome)
    scorer = Scorer(Numbers(), 4)
    records = fit_reward(scorer, padded, LONG).run()
    assert records[-1]["loss"] == pytest.approx(fitted(labels)[1][-1]["loss"], abs=1e-3)
    with pytest.raises(ValueError, match=r"(\d+) items need \1 rows"):
        next(fit_reward(Scorer(Columns(lambda items: np.ones((5, 3))), 3), labels))


def test_what_labels_refuse_the_fit_refuses():
    with pytest.raises(ValueError, match="no label says which text is better"):
        next(fit_reward(Scorer(Numbers(), 3), labels_of([])))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FitRewardConfig(steps=0), "steps is 0"),
        (lambda: FitRewardConfig(prior=-1.0), "prior is -1"),
        (lambda: FitRewardConfig(batch=0), "batch is 0"),
        (lambda: FitRewardConfig(steps=5, warmup=5), "warmup is 5"),
        (lambda: People(answers(1), "stars"), "ratings is 'stars'"),
        (lambda: Scorer(Numbers(), 3, scale="none"), "scale is 'none'"),
        (lambda: LMFeatures(POLICY, TOKENIZER, pool="max"), "pool is 'max'"),
        (lambda: LMFeatures(POLICY, TOKENIZER, drop=1.0), "drop is 1"),
        (lambda: LMFeatures(POLICY, TOKENIZER, drop=0.1), "drop needs rng"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_scale_with_too_many_levels_or_one_is_refused():
    items = [np.zeros(1)] * 40
    many = Labels(items, rated=torch.arange(40), scores=torch.arange(40).float())
    with pytest.raises(ValueError, match=r'40 different values, .* use ratings="squared"'):
        People(many)
    People(many, "squared")
    with pytest.raises(ValueError, match="all 40 ratings are the same"):
        People(Labels(items, rated=torch.arange(40), scores=torch.ones(40)))
    people = People(answers(1))
    with pytest.raises(ValueError, match="a rating is 9, but this scale was learned from"):
        people.scale.level(torch.tensor([9.0]))
