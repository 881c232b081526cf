"""The command line: `rlhf-edu demo`, `lab`, `doctor`, and what instructors need. Heavy imports wait for their command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rlhf_edu.commands.feedback import app as feedback_app
from rlhf_edu.feedback.events import StoreError
from rlhf_edu.grading.commands import collect_command, grade_command, submit_command
from rlhf_edu.grading.release_command import release_command

app = typer.Typer(
    help="Reinforcement learning from human feedback: judge a model, teach it your taste, measure what came of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def demo(
    world: Annotated[str, typer.Option(help="What the model writes about.")] = "stories",
    taste: Annotated[str, typer.Option(help="The hidden taste of the simulated person; --taste list names them.")] = (
        "happy_ending"
    ),
    pairs: Annotated[int, typer.Option(help="How many comparisons the simulated person answers.")] = 40,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    device: Annotated[str, typer.Option(help='"auto", "cpu" or "cuda".')] = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder for results; an interrupted run goes on from it.")] = None,
) -> None:
    """Run the whole loop without a browser: write, compare, learn the reward, fine-tune, test blind. Half a minute."""
    from rlhf_edu.commands.demo import demo as run

    raise typer.Exit(run(world, taste, pairs, seed, device, out))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    dir: Annotated[Path, typer.Option(help="Where your working copy of the lessons lies.")] = Path("rlhf-course"),
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    port: Annotated[int | None, typer.Option(help="Port for JupyterLab.")] = None,
) -> None:
    """Open the course in JupyterLab, on a working copy that never overwrites what you wrote."""
    from rlhf_edu.commands.lab import lab as run

    raise typer.Exit(run(dir, browser, port, context.args))


@app.command()
def doctor() -> None:
    """Say what works on this machine, and what to do about what does not."""
    from rlhf_edu.commands.doctor import doctor as run

    raise typer.Exit(run())


@app.command()
def pretrain(
    world: Annotated[str, typer.Argument(help="Which world's model to make.")] = "stories",
    out: Annotated[Path | None, typer.Option(help="Folder to write; the shipped place if not given.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps; the recipe's own number if not given.")] = None,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    device: Annotated[str, typer.Option(help='"auto", "cpu" or "cuda".')] = "auto",
) -> None:
    """Make a world's mini GPT-2 from nothing, as the shipped one was made. About eight minutes on two cores."""
    from rlhf_edu.commands.pretrain import pretrain_command as run

    raise typer.Exit(run(world, out, steps, seed, device))


app.command("release", rich_help_panel="For instructors")(release_command)
app.command("grade", rich_help_panel="For instructors")(grade_command)
app.command("collect", rich_help_panel="For instructors")(collect_command)
app.command("submit")(submit_command)
app.add_typer(feedback_app, name="feedback")


def in_words(error: Exception) -> str:
    """What is wrong and what to do; of what the system itself refused, the place and why."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return (
            f"{error.filename} cannot be used ({error.strerror}): check the path, and that you may read and write there"
        )
    return str(error)


def main() -> None:
    """What the `rlhf-edu` command calls: one clear sentence instead of a traceback for what a user can mend."""
    try:
        code = app(standalone_mode=False)  # the command's own exit code; typer turns Ctrl-C into 130, or into Abort
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except (ValueError, OSError, StoreError) as error:
        sys.exit(f"rlhf-edu: {in_words(error)}")
    except Exception as error:
        show = getattr(error, "show", None)  # click's own errors about the command line know how to print themselves
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
    if code == 130:
        print("stopped; run the same command again to go on", file=sys.stderr)
    sys.exit(code or 0)
