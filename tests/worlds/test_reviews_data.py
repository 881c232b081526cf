"""Fetching rated sentences: whole or not at all, checked by hash, and a clear sentence for everything that goes wrong."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile

import pytest

from rlhf_edu.worlds import reviews_data as data
from rlhf_edu.worlds.reviews_data import FILE, INNER, KINDS, SOURCES, RatedText, archive, clean, parse, rated

TEXTS = b"1\t2.5\tA ''gem''.\r\n2\t-1\tDull &amp; long.\r\n"
RATINGS = b"\xef\xbb\xbf1\t2.5\t0.5\t[2, 3]\r\n2\t-1\t1\t[-2, 0]\r\n"


def packed(files: dict[str, bytes]) -> bytes:
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return box.getvalue()


def distribution(texts=TEXTS, ratings=RATINGS) -> bytes:
    """The nested archive as it lies on the index, only smaller."""
    names = [f"hutto_ICWSM_2014/{source}_{kind}.txt" for source in SOURCES.values() for kind in KINDS]
    return packed({INNER: packed(dict(zip(names, [texts, ratings] * len(SOURCES), strict=True)))})


@pytest.fixture(autouse=True)
def cache_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "cache_folder", lambda: tmp_path / "cache")
    rated.cache_clear()
    yield
    rated.cache_clear()


@pytest.fixture
def served(monkeypatch):
    """What pip brings; the hash is that of the first thing served."""
    contents, calls = [distribution()], []
    monkeypatch.setattr(data, "SHA256", hashlib.sha256(contents[0]).hexdigest())

    def download(folder):
        calls.append(folder)
        if contents:
            (folder / FILE).write_bytes(contents.pop(0))
            return ["Saved"]
        return ["Collecting", "ERROR: No matching distribution found"]

    monkeypatch.setattr(data, "pip_download", download)
    return contents, calls


def test_texts_and_ratings_come_together_cleaned():
    found = parse(TEXTS, RATINGS)
    assert found == [RatedText("1", 'A "gem".', (2, 3)), RatedText("2", "Dull & long.", (-2, 0))]
    assert [r.mean for r in found] == [2.5, -1.0]


def test_windows_letters_are_read_too():
    assert parse("1\t0\tcaf\u00e9 \u2013 dull\r\n".encode("cp1252"), RATINGS)[0].text == "café – dull"


def test_cleaning():
    assert clean('He said ""no"" and  left.') == 'He said "no" and left.'
    assert clean("a ''b'' &quot;c&quot;  d\t") == 'a "b" "c" d'
    assert clean("Q &amp;amp; A") == "Q & A"
    assert clean("the critics' choice") == "the critics' choice"


@pytest.mark.parametrize(
    ("texts", "ratings", "words"),
    [
        (TEXTS, b"1\t2.5\t0.5\t[2, oops]\r\n", "a line of ratings is damaged"),
        (TEXTS, b"1\t2.5\r\n", "a line of ratings is damaged"),
        (b"1\t2.5\r\n", RATINGS, "a line of texts is damaged"),
        (b"7\t2.5\tA gem.\r\n", RATINGS, "nobody rated it"),
        (TEXTS, b"1\t2.5\t0.5\t[]\r\n2\t1\t1\t[1]\r\n", "nobody rated it"),
    ],
)
def test_damaged_lines_are_named(texts, ratings, words):
    with pytest.raises(ValueError, match=words):
        parse(texts, ratings)


def test_fetched_once_and_read_from_the_cache_afterwards(served, tmp_path):
    assert [r.text for r in rated("films")] == ['A "gem".', "Dull & long."]
    assert rated("tweets")[0].ratings == (2, 3)
    assert len(served[1]) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [FILE]


def test_a_damaged_cache_is_fetched_anew(served, tmp_path):
    whole = served[0][0]
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / FILE).write_bytes(whole[:100])
    assert archive().read_bytes() == whole
    assert len(served[1]) == 1


def test_offline_is_one_sentence_and_leaves_nothing(served, tmp_path):
    served[0].clear()
    with pytest.raises(
        OSError, match=r"could not be fetched \(No matching distribution found\): try again where there is a"
    ):
        rated("films")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_download_is_refused_and_leaves_nothing(served, tmp_path):
    served[0][0] = served[0][0][:-10]
    with pytest.raises(OSError, match="it came damaged"):
        archive()
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_archive_without_the_data_is_named(served, monkeypatch):
    served[0][0] = packed({"something/else.txt": b"hello"})
    monkeypatch.setattr(data, "SHA256", hashlib.sha256(served[0][0]).hexdigest())
    with pytest.raises(ValueError, match="does not hold what it should"):
        rated("films")


def test_an_unknown_source_is_refused():
    with pytest.raises(ValueError, match='there is no source "books": choose one of films, tweets'):
        rated("books")


def test_pip_is_asked_for_one_file_of_one_hash_and_what_it_says_is_kept(tmp_path, monkeypatch):
    """Without an index, pip itself says that it finds nothing; the request it was given is on disk."""
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    started = []
    real = subprocess.Popen

    def popen(command, **kw):
        started.append(command)
        return real(command, env=environment, **kw)

    monkeypatch.setattr(data.subprocess, "Popen", popen)
    said = data.pip_download(tmp_path)
    assert any(line.startswith("ERROR") and "vaderSentiment" in line for line in said)
    assert started[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "--require-hashes" in started[0]
    assert (tmp_path / "wanted.txt").read_text() == f"vaderSentiment==3.3.2 --hash=sha256:{data.SHA256}\n"
