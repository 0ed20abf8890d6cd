"""Which addresses are on this machine, so that what is sent there leaves it for nobody.

What is sent at all, and after which question to the user, is for the services that send it.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_ODD = re.compile(r"[\s\\@%\x00-\x1f\x7f]")
"""Programs disagree about which host an address with one of these names: such an address is never local."""


def is_local(url: str) -> bool:
    """Whether an http address is a loopback one: localhost, 127.0.0.0/8 or ::1, and nothing that only resolves to it."""
    authority = url.partition("://")[2].partition("/")[0]
    if _ODD.search(authority):
        return False
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        has_port = parts.port != 0  # raises where it is no number
        is_web = parts.scheme in ("http", "https")
        return is_web and has_port and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
