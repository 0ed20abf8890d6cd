"""The web server: Gradio's pages on a FastAPI host, behind the gate, with the downloads and the static files.

What the pages hold is `coach.ui.pages`; what every request must fulfil is `coach.ui.gate`.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from coach.bootstrap import open_coach
from coach.config import Settings
from coach.domain.errors import CoachError, ConfigurationError
from coach.domain.people import LOCAL_OWNER, Owner
from coach.ui.opening import Opening, Start

if TYPE_CHECKING:
    from fastapi import FastAPI
    from gradio import Blocks

    from coach.ui.downloads import Identify

log = logging.getLogger(__name__)

MAX_UPLOAD = "30mb"
"""Of one file; the reader itself takes less (`coach.adapters.document_readers`)."""
ABANDONED_S = 3600
"""After which an upload that nothing was done with is deleted; the others are deleted as soon as they are read."""
CONCURRENT = 16
"""Handlers that run at the same time; Gradio's own default is one."""


def local_owner(request: Request) -> Owner:
    """Whoever reaches a page on their own machine is its one owner."""
    return LOCAL_OWNER


def build_app(
    settings: Settings,
    start: Start | None = None,
    *,
    identify: Identify = local_owner,
    on_failure: Callable[[CoachError], None] = lambda _: None,
) -> FastAPI:
    """The application. It answers at once; the coach is opened in the background while it runs.

    Args:
        start: Opens the coach; default: `open_coach` with these settings.
        identify: Whose data a request is about. It is asked on every call, whatever the browser remembers.
        on_failure: Told why the coach could not be opened.
    """
    uploads = _set_up_uploads()
    from fastapi import FastAPI
    from starlette.staticfiles import StaticFiles

    from coach.ui.downloads import download_routes
    from coach.ui.gate import Gate, hosts_answered
    from coach.ui.theme import STATIC, STATIC_ROUTE

    opening = Opening(start or partial(open_coach, settings), on_failure=on_failure)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        opening.begin()
        yield
        opening.close()
        shutil.rmtree(uploads, ignore_errors=True)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Gate, hosts=hosts_answered(settings.host))
    app.router.routes.extend(download_routes(opening, identify))
    app.mount(STATIC_ROUTE, StaticFiles(directory=STATIC), name="static-coach")
    # In a loop, because outside of one Gradio makes loops of its own and leaves them open; in a thread, because the
    # caller's may have a loop already.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _mount(app, opening, settings, identify)).result()
    return app


async def _mount(app: FastAPI, opening: Opening, settings: Settings, identify: Identify) -> None:
    import gradio as gr

    from coach.ui.theme import HEAD, theme

    with warnings.catch_warnings():
        # Said of every page beside the first, although server-side rendering is not asked for.
        warnings.filterwarnings("ignore", message="SSR mode is not supported", category=UserWarning)
        gr.mount_gradio_app(
            app,
            _pages(opening, settings, identify),
            path="/",
            server_name=settings.host,
            footer_links=[],
            run_history=False,
            show_error=False,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            pwa=False,
            max_file_size=MAX_UPLOAD,
            theme=theme(),
            head=HEAD,
            app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        )


def _pages(opening: Opening, settings: Settings, identify: Identify) -> Blocks:
    import gradio as gr

    from coach.ui.chat import Chat
    from coach.ui.pages import coach as coach_page
    from coach.ui.pages import notes as notes_page
    from coach.ui.pages import settings as settings_page
    from coach.ui.preferences import Preferences
    from coach.ui.shelf import Shelf

    home, preferences = settings.home, Preferences(opening, settings)
    pages: Blocks
    with gr.Blocks(
        title="Session coach", analytics_enabled=False, fill_width=True, delete_cache=(ABANDONED_S, ABANDONED_S)
    ) as pages:
        coach_page.build(pages, Chat(opening, home=home), identify, where_at_start=preferences.at_start())
    with pages.route("Notes", "/notes", show_in_navbar=False) as notes:
        notes_page.build(notes, Shelf(opening, home=home), preferences, identify)
    with pages.route("Settings", "/settings", show_in_navbar=False) as chosen:
        settings_page.build(chosen, preferences, identify)
    pages.queue(default_concurrency_limit=CONCURRENT, api_open=False)
    return pages


def serve(settings: Settings) -> None:
    """Serve the page until interrupted; prints its address on one line. Port 0 takes any free one.

    Raises:
        ConfigurationError: The port is taken or the host is not this machine's.
        CoachError: The coach could not be opened.
    """
    with closing(_listening_socket(settings.host, settings.port)) as listening:
        import uvicorn

        failures: list[CoachError] = []

        def give_up(error: CoachError) -> None:
            failures.append(error)
            server.should_exit = True

        app = build_app(settings, on_failure=give_up)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2)
        )
        print(f"Session coach: {_address(settings.host, listening)}", flush=True)  # noqa: T201  what the command is for
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
        if failures:
            raise failures[0]


def _set_up_uploads() -> Path:
    """A private folder for uploads until they are read, gone when the process ends.

    Gradio reads these variables while it is imported and later.
    """
    folder = Path(tempfile.mkdtemp(prefix="session-coach-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    return folder


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"Port {port} on {host} cannot be used ({(error.strerror or str(error)).lower()}). "
            "Stop the program that has it, or choose another with --port; --port 0 takes any free one."
        ) from error
    return listening


def _address(host: str, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
