"""A hub id with a network: a small hub of our own on this machine, which speaks the few words that the client asks for."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hf_models
import pytest
import torch

from rlhf_edu.lm.checkpoint import load

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/tiny"
ASKS = """
import sys, torch
from rlhf_edu.lm.checkpoint import load
try:
    lm, tokenizer = load(sys.argv[1])
except ValueError as error:
    print("sorry:", error)
else:
    ids = torch.tensor([tokenizer.encode("the red fox")])
    print(type(lm).__name__, lm(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0, -1, :5].tolist())
"""


class Hub(BaseHTTPRequestHandler):
    """Knows one model, the folder `self.server.folder`, and counts what it was asked for."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        self.server.asked.append(self.path)
        path = self.path.split("?")[0]
        if not path.startswith((f"/{NAME}/resolve/", f"/api/models/{NAME}")):
            return self.refuse("RepoNotFound", "Repository Not Found")
        if path.startswith("/api/"):
            files = [{"rfilename": file.name} for file in sorted(self.server.folder.iterdir())]
            content = json.dumps({"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": files, "tags": []}).encode()
            return self.give(content if "/tree/" not in path else b"[]", body, "application/json")
        file = self.server.folder / path.split("/resolve/")[1].split("/", 1)[1]
        if not file.is_file():
            return self.refuse("EntryNotFound", "Entry not found")
        self.give(file.read_bytes(), body, "application/octet-stream")

    def give(self, content, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            broken = self.server.breaks and len(content) > 20_000
            self.wfile.write(content[: len(content) // 2] if broken else content)

    def refuse(self, code, words):
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", words)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path):
    """Starts the small hub around a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.breaks = [], False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(name, home, port=None):
    """What a fresh Python says that loads `name`; without a port, there is no network."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
    environment["HF_HOME"] = str(home)
    environment |= {"HF_HUB_OFFLINE": "1"} if port is None else {"HF_ENDPOINT": f"http://127.0.0.1:{port}"}
    run = subprocess.run(
        [sys.executable, "-c", ASKS, name], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_model_comes_from_the_hub_once_and_opens_without_it_after_that(hub, tmp_path):
    hub.folder = hf_models.make("llama", tmp_path / "model")
    lm, tokenizer = load(hub.folder)
    ids = torch.tensor([tokenizer.encode("the red fox")])
    expected = f"HFCausalLM {lm(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0, -1, :5].tolist()}"
    port, home = hub.server_address[1], tmp_path / "home"
    assert ask(NAME, home, port) == expected
    assert any("model.safetensors" in path for path in hub.asked)
    hub.asked.clear()
    assert ask(NAME, home) == expected
    assert not hub.asked

    said = ask("someone/else", home, port)
    assert said.startswith(
        'sorry: "someone/else" is no folder with a model in it, and the Hugging Face hub does not give'
    )
    assert hub.asked


@pytest.mark.slow
def test_a_download_that_breaks_off_is_one_sentence_and_can_be_tried_again(hub, tmp_path):
    hub.folder, hub.breaks = hf_models.make("opt", tmp_path / "model"), True
    port, home = hub.server_address[1], tmp_path / "home"
    said = ask(NAME, home, port)
    assert said.startswith(f'sorry: "{NAME}" came from the Hugging Face hub only in part, or is no')
    assert "peer closed connection" in said
    hub.breaks = False
    assert ask(NAME, home, port).startswith("HFCausalLM")


@pytest.mark.slow
def test_a_hub_that_takes_no_connection_is_found_out_at_once(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        started = time.monotonic()
        said = ask(NAME, tmp_path, nobody.getsockname()[1])
    assert said.startswith(
        f'sorry: "{NAME}" is no folder with a model in it, and the Hugging Face hub cannot be reached'
    )
    assert time.monotonic() - started < 45  # its client alone would try for as long
