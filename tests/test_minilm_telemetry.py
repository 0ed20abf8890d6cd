"""The embedder's runtime reports nothing to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_embedding_writes_nothing_and_sends_nothing_behind_our_back(tmp_path: Path) -> None:
    """onnxruntime's wheel keeps a queue of events in the home folder where its telemetry is on."""
    code = "from coach.adapters.minilm import MiniLM; MiniLM().embed_query('x'); import os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.strip() == "1"
    assert list(tmp_path.iterdir()) == []
