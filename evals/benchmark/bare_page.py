"""The reference for start-up: gradio imported, an empty page served on the port given, and nothing else.

The clock is in `evals.benchmark.processes`.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Serve until terminated."""
    import gradio
    import uvicorn
    from fastapi import FastAPI

    with gradio.Blocks() as blocks:
        pass
    app = gradio.mount_gradio_app(FastAPI(), blocks, path="/")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
