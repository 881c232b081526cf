"""The few pieces every report is built from. All text is escaped; the pages run no script and load nothing."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from pathlib import Path

STYLE = (Path(__file__).with_name("report.css")).read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
UNSAFE = (
    "<p class=unsafe role=note><b>Graded without a sandbox.</b> Students' code ran unprotected on the grader's machine"
    " (<code>--unsafe</code>), so these scores are only as trustworthy as everybody who handed in.</p>"
)


class Safe(str):
    """HTML that was built here, so that it is not escaped again."""


def h(text: object) -> Safe:
    """Any text, made harmless."""
    return text if isinstance(text, Safe) else Safe(escape(str(text), quote=True))


def page(title: str, *parts: str, unsafe: bool = False) -> str:
    """A whole page; `parts` are HTML."""
    body = "\n".join([UNSAFE if unsafe else "", *parts])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{h(POLICY)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{h(title)}</title>\n<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def number(value: float | int) -> str:
    """A number of points as a person writes it: 3, 2.5, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def figure(name: str, value: object) -> Safe:
    """One headline number with its name."""
    return Safe(f"<div class=number><b>{h(value)}</b><span class=soft>{h(name)}</span></div>")


def bar(share: float | int, label: str, width: int = 120) -> Safe:
    """A small horizontal bar of `share` in [0, 1], with words for those who do not see it."""
    share = min(1.0, max(0.0, share))
    colour = "#1b7a52" if share >= 0.8 else "#c98a1b" if share >= 0.4 else "#b3322c"
    return Safe(
        f'<svg width="{width}" height="12" role="img" aria-label="{h(label)}"><rect width="{width}" height="12" rx="4"'
        f' fill="#e9ecf2"/><rect width="{share * width:.1f}" height="12" rx="4" fill="{colour}"/></svg>'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]], numeric: Sequence[int] = ()) -> Safe:
    """A table; the columns in `numeric` are set to the right."""

    def cells(row: Sequence[object], tag: str) -> str:
        return "".join(f"<{tag}{' class=n' if i in numeric else ''}>{h(cell)}</{tag}>" for i, cell in enumerate(row))

    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return Safe(f"<table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>\n{body}\n</tbody></table>")


def histogram(shares: Sequence[float | int], bins: int = 10) -> Safe:
    """How many students got which share of the points, in `bins` columns, as a drawing with its numbers on it."""
    counts = [0] * bins
    for share in shares:
        counts[min(bins - 1, max(0, int(share * bins + 1e-9)))] += 1
    width, height, left, bottom, most = 640, 200, 36, 34, max([*counts, 1])
    step = (width - left) / bins
    parts = []
    for i, count in enumerate(counts):
        tall = (height - bottom - 20) * count / most
        x, y = left + i * step, height - bottom - tall
        parts.append(
            f'<rect x="{x + 2:.1f}" y="{y:.1f}" width="{step - 4:.1f}" height="{tall:.1f}" rx="3" fill="#2f5fb3"/>'
        )
        if count:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{y - 5:.1f}" text-anchor="middle">{count}</text>')
        label = f"{100 * i // bins}–{100 * (i + 1) // bins}"
        parts.append(f'<text x="{x + step / 2:.1f}" y="{height - 16}" text-anchor="middle">{label}</text>')
    axis = f'<line x1="{left}" x2="{width}" y1="{height - bottom}" y2="{height - bottom}" stroke="#aeb6c4"/>'
    middle = (height - bottom) / 2
    names = (
        f'<text x="{(width + left) / 2}" y="{height - 1}" text-anchor="middle">percent of the points</text>'
        f'<text x="12" y="{middle}" transform="rotate(-90 12 {middle})" text-anchor="middle">students</text>'
    )
    told = "; ".join(f"{100 * i // bins} to {100 * (i + 1) // bins} percent: {n}" for i, n in enumerate(counts) if n)
    label = f"Students by percent of the points. {h(told)}"
    return Safe(
        f'<svg viewBox="0 0 {width} {height + 6}" width="{width}" role="img" aria-label="{label}">'
        f"{axis}{''.join(parts)}{names}</svg>"
    )
