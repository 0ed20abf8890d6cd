"""Where the data that comes with the program lies: inside an installed package, or at the top of a checkout.

What the files mean is for `coach.adapters.knowledge_files` and `coach.adapters.prompt_files`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from coach.domain.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: Literal["knowledge", "prompts", "examples"], *, package: Path = _PACKAGE) -> Path:
    """The folder of that name.

    Args:
        package: The installed package's own folder.

    Raises:
        ConfigurationError: Neither `coach/data/<name>` nor a `<name>` beside the package is a folder.
    """
    # The packaged copy comes first: beside an installed package lie other people's packages, perhaps of this very name.
    for folder in (package / "data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        f"The folder `{name}` is missing: neither {package / 'data' / name} nor {package.parent / name} exists. "
        "Install the package again, or run from a complete checkout."
    )
