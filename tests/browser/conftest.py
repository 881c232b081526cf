"""A real JupyterLab and a real Chromium for the tests marked `browser`; they skip, and say why, where there is none.

def test_something(lab):
    notebook = lab.open(["1 + 1", "print('hello')"])        code cells, or a path to an .ipynb file
    notebook.run_all()
    assert notebook.outputs()[0] == "2"
    notebook.page.get_by_role("button", name="Tie").click()   any step of Playwright
    notebook.screenshot("picture.png")
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import nbformat
import pytest

import rlhf_edu

TOKEN = "course"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]


class Notebook:
    """A notebook open in a browser page."""

    def __init__(self, page, lab, name):
        self.page, self.lab, self.name = page, lab, name

    @property
    def cells(self):
        """The output areas of the code cells, in order, as a Playwright locator."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def run_all(self, seconds=60):
        """Run every cell and wait until the last one has run; once more where a kernel just started took it and did nothing."""
        last = self.page.locator(".jp-CodeCell .jp-InputPrompt").last
        for again in (False, True):
            self._issue_run_all()
            try:
                numbered = last.filter(has_text="[").filter(has_not_text="[ ]").filter(has_not_text="[*]")
                numbered.wait_for(timeout=seconds * 1000)
                break
            except Exception:  # playwright may be missing here, so its TimeoutError has no name
                if again:
                    raise
        self.idle(seconds)

    def _issue_run_all(self):
        first = self.page.locator(".jp-CodeCell .jp-InputPrompt").first
        for _ in range(4):  # the first "Run All" after a cold start is ignored now and then
            self.page.locator(".jp-Notebook .jp-CodeCell").first.locator(".cm-content").click()
            self.page.keyboard.press("Escape")
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_text("Run All Cells", exact=True).click()
            try:
                first.filter(has_text="[").filter(has_not_text="[ ]").wait_for(timeout=10_000)
                break
            except Exception:
                continue

    def idle(self, seconds=60):
        """Wait until the kernel has nothing to do."""
        status = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
        self.page.locator(status).wait_for(timeout=seconds * 1000, state="attached")

    def outputs(self):
        """The text under each code cell."""
        return ["\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts()).strip() for cell in self.cells.all()]

    def source_count(self):
        """How many cells there are: a widget that leaks its keys to JupyterLab would change it."""
        return self.page.locator(".jp-Notebook .jp-Cell").count()

    def theme(self, name):
        """Switch JupyterLab to "Light" or "Dark"."""
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        self.page.get_by_text("Theme", exact=True).hover()
        self.page.get_by_text(f"JupyterLab {name}", exact=True).click()
        self.page.locator(f'body[data-jp-theme-light="{"true" if name == "Light" else "false"}"]').wait_for(
            state="attached"
        )

    def screenshot(self, path, what=None):
        """A picture of the page, or of one element given by its selector."""
        target = self.page if what is None else self.page.locator(what).first
        target.screenshot(path=str(path))

    def close(self):
        """Close the page and stop its kernel."""
        self.page.context.close()
        self.lab.stop_kernels()


class Lab:
    """A running JupyterLab and the browser that looks at it."""

    def __init__(self, folder, port, browser):
        self.folder, self.port, self.browser = folder, port, browser
        self._opened, self._count = [], 0
        self.console = []  # what the pages of this test complained of

    def open(self, notebook, **context) -> Notebook:
        """Open an .ipynb file (a copy of it), or a new notebook with these code cells, in a fresh page and kernel."""
        if isinstance(notebook, str | Path):
            name = Path(notebook).name
            if Path(notebook).resolve() != (self.folder / name).resolve():
                shutil.copy(notebook, self.folder / name)
        else:
            self._count += 1
            name = f"notebook{self._count}.ipynb"
            cells = [nbformat.v4.new_code_cell(source) for source in notebook]
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
            nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), self.folder / name)
        self._count += 1
        size = {"width": 1280, "height": 1600}
        page = self.browser.new_context(**({"viewport": size, "reduced_motion": "reduce"} | context)).new_page()
        page.set_default_timeout(60_000)  # a busy machine is no failure
        page.on("console", lambda said: said.type == "error" and self.console.append(said.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        asks = page.locator("dialog.jp-Dialog .jp-mod-accept")  # a slow start asks for a kernel, or says that it waits

        def accept():
            for _ in range(10):  # now and then it asks twice at once: the last one lies on top
                if not asks.count():
                    return
                with suppress(Exception):  # gone by itself meanwhile
                    asks.last.click(timeout=3000)
                page.wait_for_timeout(200)

        page.add_locator_handler(page.locator("dialog.jp-Dialog").first, accept, no_wait_after=True)
        page.goto(
            f"http://127.0.0.1:{self.port}/lab/workspaces/w{self._count}/tree/{name}?token={TOKEN}", wait_until="commit"
        )
        opened = Notebook(page, self, name)
        opened.idle()
        self._opened.append(opened)
        return opened

    def request(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}?token={TOKEN}", method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.read()

    def stop_kernels(self):
        for session in json.loads(self.request("/api/sessions")):
            self.request(f"/api/sessions/{session['id']}", method="DELETE")

    def describe(self):
        """What is on the open pages and what they complained of: all there is to go by when a test fails elsewhere."""
        pages = [f"{opened.name}\n{opened.page.locator('body').inner_text()[-3000:]}" for opened in self._opened]
        return "\n\n".join([*pages, *(f"console: {line[:300]}" for line in self.console[-20:])])

    def close_all(self):
        for notebook in self._opened:
            notebook.page.context.close()
        self._opened.clear()
        self.console.clear()
        self.stop_kernels()


def _start_server(folder, home):
    config = home / "config" / "labconfig"
    config.mkdir(parents=True)
    settings = '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}'
    (config / "default_setting_overrides.json").write_text(settings)
    folders = {f"JUPYTER_{name.upper()}_DIR": str(home / name) for name in ("config", "data", "runtime")}
    folders |= {"IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1", "OMP_NUM_THREADS": "1"}
    folders["PYTHONPATH"] = str(Path(rlhf_edu.__file__).parents[1])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += [
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.extension_manager=readonly",
    ]
    log = (home / "server.log").open("w")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RLHF_EDU")} | folders
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    for _ in range(480):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}", timeout=2).close()
            return server, port
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.25)
    os.killpg(server.pid, signal.SIGTERM)
    pytest.fail("JupyterLab did not start: " + (home / "server.log").read_text()[-500:])


@contextmanager
def running_chromium():
    """A Chromium of our own. Only one at a time can be started in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def running_lab(folder, home, browser=None):
    """A JupyterLab that serves `folder` and keeps its own settings under `home`, with a Chromium to look at it."""
    server, port = _start_server(folder, home)
    try:
        with running_chromium() if browser is None else nullcontext(browser) as browser:
            yield Lab(folder, port, browser)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what was on its pages."""
    report = (yield).get_result()
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and report.when == "call" and lab is not None:
        report.sections.append(("pages", lab.describe()))


@pytest.fixture(scope="session")
def chromium():
    """A browser, also for scripts that can be tried without JupyterLab."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser tests")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: no browser tests")
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory, chromium):
    """One JupyterLab for all browser tests of this run."""
    with running_lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter"), chromium) as lab:
        yield lab


@pytest.fixture
def lab(lab_server):
    """JupyterLab with nothing open; pages and kernels are closed after the test."""
    yield lab_server
    lab_server.close_all()
