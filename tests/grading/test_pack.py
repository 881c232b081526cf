"""Packs: what a student hands in comes out unharmed, and a bad pack harms nobody."""

import io
import json
import os
import zipfile

import pytest

from rlhf_edu.grading import pack as module
from rlhf_edu.grading.pack import PackError, collect, pack, unpack

BOOK = {"cells": [], "metadata": {"rlhf_edu": {"exercise": "00_start", "seed": 0}}, "nbformat": 4}


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "user_data_dir", lambda name: str(tmp_path / "data"))
    path = tmp_path / "work.ipynb"
    path.write_text(json.dumps(BOOK))
    return path


def test_a_pack_comes_out_as_it_went_in(notebook, tmp_path):
    path = pack(notebook, "Anna Müller", "m123", tmp_path)
    assert path.name == "00_start-m123.rlhf.zip"
    manifest, data = unpack(path)
    assert data == notebook.read_bytes()
    assert (manifest.name, manifest.student_id, manifest.exercise) == ("Anna Müller", "m123", "00_start")


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_broken_notebook_is_refused_before_it_is_handed_in(notebook, tmp_path, text):
    notebook.write_text(text)
    with pytest.raises(PackError, match=r"work\.ipynb"):
        pack(notebook, "Anna", folder=tmp_path)
    with pytest.raises(PackError, match="not there"):
        pack(tmp_path / "nothing.ipynb", "Anna")
    with pytest.raises(PackError, match="--name"):
        pack(notebook, " ")


def test_collect_keeps_the_newest_and_tells_two_people_of_one_name_apart(notebook, tmp_path, monkeypatch):
    packs = []
    for i, (origin, marker) in enumerate([("aa1", "old"), ("aa1", "new"), ("bb2", "other")]):
        monkeypatch.setattr(module, "_origin", lambda origin=origin: origin)
        notebook.write_text(json.dumps(BOOK | {"marker": marker}))
        packs.append(pack(notebook, "Anna", folder=tmp_path / str(i)))
        os.utime(packs[-1], (1000 + i, 1000 + i))
    count, notes = collect(packs[::-1], tmp_path / "out")
    assert count == 2
    assert sum("more than one student" in note for note in notes) == 2
    found = {p.parent.name: json.loads(p.read_text())["marker"] for p in (tmp_path / "out").rglob("*.ipynb")}
    assert found == {"Anna-aa1": "new", "Anna-bb2": "other"}
    assert (tmp_path / "out" / "Anna-aa1" / "00_start.ipynb").stat().st_mtime == 1001


def test_no_manifest_leads_out_of_the_folder(notebook, tmp_path):
    path = pack(notebook, "Anna", "../../evil", tmp_path)
    entries = json.loads(zipfile.ZipFile(path).read("manifest.json"))
    evil = tmp_path / "evil.rlhf.zip"
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("manifest.json", json.dumps(entries | {"exercise": "../../../x", "student_id": "/etc/.."}))
        archive.writestr("notebook.ipynb", notebook.read_bytes())
        archive.writestr("../../outside.txt", "x")
    collect([path, evil], tmp_path / "out" / "in")
    assert {p.parent.parent for p in tmp_path.rglob("*.ipynb")} <= {tmp_path / "out" / "in", tmp_path.parent}
    assert not list(tmp_path.parent.glob("outside.txt"))


def bad_packs(good: bytes):
    yield b""
    yield b"not a zip"
    yield good[:100]
    for name, content in [("manifest.json", b"{}"), ("manifest.json", b"[" * 100_000), ("notebook.ipynb", b"changed")]:
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(buffer, "w") as new:
            for entry in old.namelist():
                new.writestr(entry, content if entry == name else old.read(entry))
        yield buffer.getvalue()


def test_bad_packs_are_told_and_skipped(notebook, tmp_path):
    good = pack(notebook, "Anna", folder=tmp_path / "packs")
    paths = [good]
    for i, data in enumerate(bad_packs(good.read_bytes())):
        paths.append(tmp_path / "packs" / f"bad{i}.rlhf.zip")
        paths[-1].write_bytes(data)
    link = tmp_path / "packs" / "link.rlhf.zip"
    link.symlink_to(good)
    count, notes = collect([*paths, link], tmp_path / "out")
    assert count == 1
    assert len(notes) == len(paths)


def test_a_zip_bomb_is_not_unpacked(notebook, tmp_path, monkeypatch):
    good = pack(notebook, "Anna", folder=tmp_path)
    bomb = tmp_path / "bomb.rlhf.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", zipfile.ZipFile(good).read("manifest.json"))
        archive.writestr("notebook.ipynb", b" " * (module.MAX_BYTES + 1))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(PackError, match="too large"):
        unpack(bomb)
