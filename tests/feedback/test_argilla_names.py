"""Argilla-style files whose fields and questions have names of their own."""

import json

import pytest

from rlhf_edu import cli
from rlhf_edu.feedback.exchange import parse
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Edit, Preference, Ranking, Rating


def record(fields, question, value):
    return {"fields": {"instruction": "p", **fields}, "responses": {question: [{"user_id": "ann", "value": value}]}}


def test_an_argilla_file_may_call_its_fields_and_questions_as_it_likes():
    rows = [
        record({"left": "x", "right": "y"}, "which", "right"),
        record({"left": "x", "right": "y"}, "which", "tie"),
        record({"reply": "x"}, "quality", 4),
        record({"first": "x", "second": "y"}, "order", ["second", "first"]),
        record({"reply": "x"}, "better_reply", "z"),
    ]
    names = {
        "prompt": "instruction", "response": "reply", "response_a": "left", "response_b": "right", "response_0": "first",
        "response_1": "second", "preference": "which", "rating": "quality", "ranking": "order", "edit": "better_reply",
    }  # fmt: skip
    assert [e.record for e in parse(json.dumps(rows), "argilla", names=names)] == [
        Preference("p", "x", "y", "b"),
        Preference("p", "x", "y", "tie"),
        Rating("p", "x", 4, 1, 5),
        Ranking("p", ("x", "y"), (1, 0)),
        Edit("p", "x", "z"),
    ]
    with pytest.raises(ValueError, match="record 1 is not laid out as expected"):
        parse(json.dumps(rows), "argilla")
    with pytest.raises(ValueError, match="'promt' is no name of ours: expected one of prompt, response"):
        parse("[]", "argilla", names={"promt": "instruction"})
    with pytest.raises(ValueError, match="only argilla files have names of their own to give, but the format is csv"):
        parse("", "csv", names=names)


def test_the_command_line_takes_the_names_too(tmp_path, monkeypatch, capsys):
    file, store = tmp_path / "theirs.json", tmp_path / "ours.db"
    file.write_text(json.dumps([record({"reply": "x"}, "quality", 4)]))
    names = [word for pair in ("prompt=instruction", "response=reply", "rating=quality") for word in ("--name", pair)]
    command = ["rlhf-edu", "feedback", "import", str(file), "-f", "argilla", "--into", str(store)]
    monkeypatch.setattr("sys.argv", [*command, *names])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code, capsys.readouterr().err
    assert FeedbackStore(store).all() == [Rating("p", "x", 4, 1, 5)]
    monkeypatch.setattr("sys.argv", [*command, "--name", "prompt"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert "--name 'prompt' must look like prompt=instruction" in f"{ended.value.code} {capsys.readouterr().err}"
