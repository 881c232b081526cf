"""A view's script in a bare page, with a stand-in for the kernel that can be made slow or silent at will."""

from contextlib import contextmanager

from rlhf_edu.widgets.panel import HERE, script_of

KERNEL = """async ([script, css, state]) => {
  document.body.innerHTML = '<style></style><div id="here"></div>';
  document.querySelector('style').textContent = css;
  window.state = state; window.sent = []; window.heard = {}; window.leaked = [];
  document.addEventListener('keydown', (event) => window.leaked.push(event.key));
  const model = { get: () => window.state, send: (message) => window.sent.push(message), off: () => 0,
    on: (name, call) => { window.heard[name] = call; } };
  window.update = (news) => { window.state = { ...window.state, ...news }; window.heard['change:state'](); };
  const view = await import(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
  window.leave = view.default.render({ model, el: document.getElementById('here') });
}"""
PAIRS = {
    "items": [{"item": f"i{n}", "prompt": f"Prompt {n}", "question": "?", "texts": [f"x{n}", f"y{n}"]} for n in range(3)],
    "answered": 0, "skipped": 0, "total": 3, "simulated": 0, "seconds_each": None, "guidelines": "Be fair.",
    "reasons": ["I cannot tell"], "problem": "",
}  # fmt: skip


@contextmanager
def bare_pages(chromium):
    """Opens views: `show(name, state)` gives the page."""
    pages = []

    def show(name, state):
        page = chromium.new_page()
        pages.append(page)
        page.set_default_timeout(60_000)
        page.evaluate(KERNEL, [script_of(name), (HERE / "style.css").read_text(), state])
        return page

    yield show
    for page in pages:
        page.close()


def sent(page):
    return [m for m in page.evaluate("window.sent") if m["do"] != "ready"]


def asked(texts, **more):
    """The state of a view that asks about `texts`, one list of them for each item."""
    items = [
        {"item": f"i{n}", "prompt": f"Prompt {n}", "question": "?", "texts": t} | more for n, t in enumerate(texts)
    ]
    return PAIRS | {"items": items, "total": len(items)}
