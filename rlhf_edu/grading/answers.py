"""Judges of chosen and written answers: multiple choice, diagnosis, essay; and of a trained agent.

The key to a choice is kept as a short salted hash, so that nobody reads it by accident while looking something up in
this package. It is no secret: four letters are tried out in a moment, and `check` says which one is right. A campus
that grades choices for real should write its own, and leave their task module off the students' machines.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlhf_edu.grading.compare import array_of, name_of, show
from rlhf_edu.grading.task import Student, StudentError, Verdict


def plain(answer: Any) -> str:
    """A choice without its dress: "B", " b) " and ["b"] are "b"; "d, b" and {"b", "d"} are "b d"."""
    parts = (
        [str(a) for a in answer] if isinstance(answer, list | tuple | set) else str(answer).replace(",", " ").split()
    )
    return " ".join(sorted({part.strip(" .)('\"").lower() for part in parts} - {""}))


def seal(name: str, answer: Any) -> str:
    """The salted hash under which an answer is stored: `seal("start_gap", "b")`."""
    return hashlib.sha256(f"rlhf_edu·{name}·{plain(answer)}".encode()).hexdigest()[:16]


def _stated(student: Student, name: str) -> Any:
    """The value of the variable `name`, which must have been set."""
    answer = student.get(name)
    if answer is None or answer is ...:
        raise StudentError(f"`{name}` has no answer yet", "missing")
    return answer


@dataclass(frozen=True)
class ChoiceJudge:
    """One or several letters in the variable `name`, compared with the sealed `key`.

    `why` maps sealed wrong answers to the words for whoever chose them: {seal("start_gap", "a"): "…"}.
    """

    name: str
    options: str  # "abcd"
    key: str
    why: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, student: Student, rng: np.random.Generator, hidden: bool) -> Verdict:
        try:
            answer = plain(_stated(student, self.name))
        except StudentError as error:
            return Verdict(0.0, str(error), error.kind or "missing")
        if len(set(answer)) == len(answer) > 1 and set(answer) <= set(self.options):
            answer = plain(list(answer))  # "abd" as well as "a b d"
        if not answer or set(answer.split()) - set(self.options):
            letters = ", ".join(self.options)
            return Verdict(
                0.0, f"`{self.name}` should be one or several of {letters}, but it is {show(answer)}", "type"
            )
        sealed = seal(self.name, answer)
        if sealed == self.key:
            return Verdict(1.0, "correct")
        return Verdict(0.0, self.why.get(sealed, f'"{answer}" is not it'), f"chose {answer}")


@dataclass(frozen=True)
class DiagnosisJudge:
    """A bug hunt: a dict in the variable `name` with one answer a part, e.g. {"fault": "b", "evidence": "kl"}.

    Each part has its options and its sealed key, seal(f"{name}.{part}", answer), and is worth the same share. `why`
    maps seal(f"{name}.{part}", wrong) to words.
    """

    name: str
    options: Mapping[str, tuple[str, ...]]
    key: Mapping[str, str]
    why: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, student: Student, rng: np.random.Generator, hidden: bool) -> Verdict:
        try:
            answer = _stated(student, self.name)
        except StudentError as error:
            return Verdict(0.0, str(error), error.kind or "missing")
        if type(answer) is not dict:
            parts = ", ".join(f'"{part}": …' for part in self.options)
            return Verdict(0.0, f"`{self.name}` should be a dict {{{parts}}}, but it is {name_of(answer)}", "type")
        right, wrong = 0, []
        for part, options in self.options.items():
            given = plain(answer.get(part, ""))
            if given not in options:
                choices = ", ".join(options)
                return Verdict(0.0, f'"{part}" should be one of {choices}, but it is {show(answer.get(part))}', "type")
            sealed = seal(f"{self.name}.{part}", given)
            if sealed == self.key[part]:
                right += 1
            else:
                wrong.append((f"{part}: {given}", self.why.get(sealed, f'"{part}": {given} is not it')))
        if not wrong:
            return Verdict(1.0, "correct")
        words = "; ".join(text for _, text in wrong)
        return Verdict(right / len(self.options), words, wrong[0][0])


@dataclass(frozen=True)
class EssayJudge:
    """A short text for a person to mark. The score only says whether it can be marked; points come from the rubric.

    In a notebook the text is a Markdown cell whose grade_id is the task's name; `student.get(name)` gives its text.
    """

    name: str
    min_words: int = 60
    max_words: int = 300
    stub: str = "YOUR ANSWER HERE"

    def __call__(self, student: Student, rng: np.random.Generator, hidden: bool) -> Verdict:
        try:
            text = _stated(student, self.name)
        except StudentError:
            words = "your text cannot be read from here (save the notebook and check again); a person marks it"
            return Verdict(0.0, words, "missing")
        if type(text) is not str:
            return Verdict(0.0, f"the essay should be text, but it is {name_of(text)}", "type")
        words = text.replace(self.stub, " ").split()
        if not words:
            return Verdict(0.0, "nothing is written yet", "missing")
        if len(words) < self.min_words:
            return Verdict(0.0, f"{len(words)} words so far; at least {self.min_words} are asked for", "short")
        if len(words) > self.max_words:
            return Verdict(0.0, f"{len(words)} words; at most {self.max_words} are asked for", "long")
        if len({word.lower() for word in words}) < len(words) / 4:
            return Verdict(0.0, "the same few words again and again", "repeated")
        return Verdict(1.0, f"{len(words)} words, ready: a person will mark it with the rubric")


@dataclass(frozen=True)
class AgentJudge:
    """The mean return of the student's policy `name(obs [E, …]) -> act [E]` over E hidden episodes run side by side.

    `make_env()` gives an environment with Gymnasium's `reset(seed=)` and `step(act)`. Full points at a mean return of
    `goal`, none at `floor` (what acting at random gets), a straight line between. `mistakes` maps a name to (a policy
    that makes this mistake, the words): it is named when it would have acted the same everywhere.
    """

    name: str
    make_env: Callable[[], Any]
    floor: float | int
    goal: float | int
    episodes: int = 16
    max_steps: int = 200
    mistakes: Mapping[str, tuple[Callable[[np.ndarray], Any], str]] = field(default_factory=dict)

    def __call__(self, student: Student, rng: np.random.Generator, hidden: bool) -> Verdict:
        try:
            returns, seen, acted = self._play(student, rng)
        except StudentError as error:
            return Verdict(0.0, str(error), error.kind or "error")
        mean = float(returns.mean())
        score = float(np.clip((mean - self.floor) / (self.goal - self.floor), 0.0, 1.0))
        words = f"mean return {mean:.2f} over {self.episodes} fresh episodes (full points at {self.goal:g})"
        if score == 1:
            return Verdict(1.0, f"correct: {words}")
        for name, (wrong, why) in self.mistakes.items():
            if all(np.array_equal(np.asarray(wrong(obs)), act) for obs, act in zip(seen, acted, strict=True)):
                return Verdict(score, f"{why}; {words}", name)
        return Verdict(score, words, "return")

    def _play(self, student: Student, rng: np.random.Generator):
        envs = [self.make_env() for _ in range(self.episodes)]
        obs = np.stack([env.reset(seed=int(rng.integers(2**31)))[0] for env in envs])
        returns, running = np.zeros(self.episodes), np.ones(self.episodes, dtype=bool)
        seen, acted = [], []
        for _ in range(self.max_steps):
            act = array_of(student.call(self.name, obs.copy()))
            if act is None or act.shape[:1] != (self.episodes,) or not np.isfinite(act.astype(float)).all():
                got = "something else" if act is None else f"shape {act.shape}, or numbers that are not finite"
                asked = f"{self.episodes} actions for {self.episodes} observations"
                raise StudentError(f"`{self.name}` should return {asked}, but it returned {got}", "shape")
            seen.append(obs.copy())
            acted.append(act)
            obs = obs.copy()
            for e in np.flatnonzero(running):
                obs[e], rew, terminated, truncated, _ = envs[e].step(act[e].item() if act.ndim == 1 else act[e])
                returns[e] += rew
                running[e] = not (terminated or truncated)
            if not running.any():
                break
        return returns, seen, acted
