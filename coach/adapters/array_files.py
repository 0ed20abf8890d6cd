"""Keeps named arrays in a folder: what was worked out once need not be again. What they mean is for the services."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_DIGEST = "digest"


class ArrayFiles:
    """`coach.ports.ArrayStore` with a file a name. A file that cannot be read, or belongs to another digest, is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str, digest: str) -> Mapping[str, NDArray[np.generic]] | None:
        """The arrays kept under this name for this digest."""
        import numpy as np

        try:
            with self._path(name).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                arrays = {key: kept[key] for key in kept.files}
        except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("%s cannot be read and is made anew: %s", self._path(name).name, type(error).__name__)
            return None
        return arrays if str(arrays.pop(_DIGEST, "")) == digest else None

    def save(self, name: str, digest: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep them; a full or read-only disk is no error, they are worked out again then."""
        import numpy as np

        draft = self._path(name).with_suffix(".draft.npz")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            np.savez(draft, allow_pickle=False, **{_DIGEST: np.array(digest)}, **dict(arrays))
            os.replace(draft, self._path(name))
        except OSError as error:
            log.warning("%s was not kept: %s", name, error.strerror)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"
