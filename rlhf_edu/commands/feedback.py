"""`rlhf-edu feedback`: look at what people answered, take it elsewhere, bring it in, put stores together."""

import json
import sys
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="People's answers: numbers, files, several stores in one.", no_args_is_help=True)

STORE = Annotated[str, typer.Argument(help="A store: a file, or postgresql://user@host/database.", metavar="STORE")]
FORMAT = Annotated[
    str, typer.Option("--format", "-f", help="trl-prompt, trl-preference, trl-unpaired, hh-rlhf, argilla or csv.")
]
INTO = Annotated[str, typer.Option(help="The store that takes them in; made if there is none.")]


def _open(address: str, must_exist: bool = True):
    from rlhf_edu.feedback.store import FeedbackStore

    return closing(FeedbackStore(address, must_exist=must_exist))


@app.command()
def stats(store: STORE, as_json: Annotated[bool, typer.Option("--json", help="Numbers for programs.")] = False) -> None:
    """Say how many answers there are, of whom, how fast, and how far people agree."""
    from rlhf_edu.feedback.summary import in_words, summary

    with _open(store) as opened:
        numbers = summary(opened)
    print(json.dumps(numbers, indent=1) if as_json else in_words(numbers))


@app.command()
def export(
    store: STORE,
    format: FORMAT,
    out: Annotated[Path | None, typer.Option(help="The file to write; printed if not given.")] = None,
    simulated: Annotated[str, typer.Option(help='Simulated answers: "no", "also" or "only".')] = "no",
    names: Annotated[bool, typer.Option(help="Keep people's names instead of pseudonyms.")] = False,
    consented: Annotated[bool, typer.Option(help="Only answers of people who said yes.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace the file if it is there.")] = False,
) -> None:
    """Write the answers that hold now to a file. What its format cannot hold is counted and said."""
    from rlhf_edu.feedback.exchange import export as make
    from rlhf_edu.feedback.exchange import write_whole

    with _open(store) as opened:
        text, report = make(opened, format, simulated=simulated, names=names, consented=consented)
    if out is None:
        sys.stdout.write(text)
    else:
        write_whole(out, text, overwrite)
    print(report, file=sys.stdout if out else sys.stderr)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file to read.")],
    format: FORMAT,
    into: INTO,
    annotator: Annotated[str, typer.Option(help="Who answered, where the file does not say; else its name.")] = "",
    name: Annotated[
        list[str] | None,
        typer.Option(help="Argilla: what the file calls ours, as prompt=instruction or rating=quality."),
    ] = None,
) -> None:
    """Take answers from a file into a store, all of them or none. Importing a file twice adds nothing."""
    from rlhf_edu.feedback.exchange import parse, read_text, take_in

    try:
        if bad := [pair for pair in name or () if not all(pair.partition("="))]:
            raise ValueError(f"--name {bad[0]!r} must look like prompt=instruction")
        names = {ours: theirs for ours, _, theirs in (pair.partition("=") for pair in name or ())}
        left_out: Counter[str] = Counter()
        events = parse(read_text(file), format, annotator or file.stem, names, left_out)
    except ValueError as error:
        raise ValueError(f"{file} was not imported: {error}") from None
    with _open(into, must_exist=False) as opened:
        print(take_in(opened, events, left_out=left_out))


@app.command()
def merge(
    sources: Annotated[list[str], typer.Argument(help="The stores to read; they stay as they are.")],
    into: INTO,
    same_names: Annotated[bool, typer.Option(help="The same name in two stores is the same person.")] = False,
) -> None:
    """Copy several stores into one. Doing it again adds only what is new."""
    from rlhf_edu.feedback.exchange import merge as put_together

    with ExitStack() as stack:
        opened = [(Path(source).stem, stack.enter_context(_open(source))) for source in sources]
        target = stack.enter_context(_open(into, must_exist=False))
        print(put_together(target, opened, same_names))


@app.command()
def person(
    store: STORE,
    name: Annotated[str, typer.Argument(help="The name under which the person answered.")],
    out: Annotated[Path | None, typer.Option(help="A file for everything that is kept about the person.")] = None,
    erase: Annotated[bool, typer.Option(help="Then delete all of it, for good.")] = False,
) -> None:
    """Hand over, and on request delete, everything that a store keeps about one person."""
    from rlhf_edu.feedback.exchange import write_whole

    with _open(store) as opened:
        rows = opened.person(name)
        if not rows:
            raise ValueError(f"{store} keeps nothing about {name!r}: check the name with rlhf-edu feedback stats")
        if out is not None:
            write_whole(out, json.dumps(rows, indent=1) + "\n")
            print(f"{len(rows)} events of {name} written to {out}")
        if erase:
            print(f"{opened.erase(name)} events of {name} deleted; no copy of this store will bring them back here")
        elif out is None:
            print(json.dumps(rows, indent=1))
