"""The page for browser tests: as `coach serve`, but whose data it is stands in a cookie, so that each test is alone."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.requests import Request

from coach.config import Settings
from coach.domain.people import Owner
from coach.ui.host import build_app


def _by_cookie(request: Request) -> Owner:
    return Owner(request.cookies.get("owner", "nobody"))


def main(home: str, port: str) -> None:
    """Serve until killed."""
    app = build_app(Settings(home=Path(home), port=int(port)), identify=_by_cookie)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
