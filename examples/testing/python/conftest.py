"""Fixtures: one stand-in for the session, reset before each test."""

import json
import os
import pathlib
import shlex
import subprocess
import time
import urllib.request

import pytest

HERE = pathlib.Path(__file__).parent
QUARRY = os.environ.get("QUARRY", "quarry")  # the program


class Standin:
    """What tests do to the server."""

    def post(self, path, body=None):
        url = f"{os.environ['AWS_ENDPOINT_URL']}/_quarry/{path}"
        request = urllib.request.Request(url, json.dumps(body or {}).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def faults(self, faults):
        self.post("faults", {"faults": faults})

    def advance(self, seconds):
        """Moves the clock of the jobs. It takes the place of time.sleep."""
        self.post("clock", {"advance": f"{seconds}s"})
        time.sleep(0.01)  # the server does the work of the states in real time


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("quarry-local")
    started = subprocess.run(
        [QUARRY, "local", "--detach", "--addr", "127.0.0.1:0", "--dir", data, "--test-clock", "--state-delay", "10m"]
        + ["--seed-state", HERE.parent / "state.yaml", "--quotas", HERE.parent / "quotas.json"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    before = dict(os.environ)
    for line in started.stdout.splitlines():
        command, *words = shlex.split(line)
        for word in words:
            if command == "export":
                name, value = word.split("=", 1)
                os.environ[name] = value
            else:
                os.environ.pop(word, None)
    yield Standin()
    os.environ.clear()
    os.environ.update(before)
    subprocess.run([QUARRY, "local", "--stop", "--dir", data], check=True)


@pytest.fixture(autouse=True)
def standin(server):
    server.post("reset")
    return server
