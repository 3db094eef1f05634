"""Results of folds in a folder, so that a resampling that was cut off goes on where it was."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.atomic import check_writable, existing_folder, write_file, write_folder
from tidegate.core.errors import ArtifactError, ConfigError, TidegateError
from tidegate.core.translate import tr
from tidegate.tasks.run import plain


class FoldResult(Protocol):
    """What a fold leaves behind."""

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain values, and arrays by name."""

    @classmethod
    def from_parts(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
        """What `to_parts` gave."""


R = TypeVar("R", bound=FoldResult)


class FoldStore:
    """A folder that holds the folds of one resampling; without a folder nothing is kept.

    Args:
        out: the folder. verb: of the resampling, for messages.
        what: what its folds are of, by name: they must be the same when it is called again.

    Raises:
        ConfigError: the folder holds folds of something else. OutputError: it cannot be written.
    """

    def __init__(self, out: str | Path | None, verb: str, what: Callable[[], Mapping[str, Any]]) -> None:
        self.out = None if out is None else Path(out)
        if self.out is None:
            return
        check_writable(self.out)
        record, place = plain(dict(what())), self.out / f"{verb}.json"
        text = json.dumps(record, ensure_ascii=False, indent=1)
        if not place.exists():
            write_file(place, text.encode())
            return
        try:
            before = json.loads(place.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        odd = [name for name, value in json.loads(text).items() if before.get(name) != value]
        if odd:
            message = "{out} holds a {verb} with another {odd}; name a new folder, or delete this one"
            raise ConfigError(tr(message, out=self.out, verb=verb, odd=" and ".join(odd)))

    def result(self, index: int, kind: type[R], make: Callable[[], R]) -> R:
        """A fold's result: as it was written, or else made now and written whole or not at all.

        What was written is read from the disk when it is used: memory holds one fold at a time.

        Raises:
            ArtifactError: it is damaged. OutputError: it cannot be written.
        """
        if self.out is None:
            return make()
        folder = self.out / f"fold-{index + 1:03d}"
        if not (existing_folder(folder) / "fold.json").exists():
            record, arrays = make().to_parts()
            files = {f"{name}.npy": _npy(values) for name, values in arrays.items()}
            files["fold.json"] = json.dumps(record, ensure_ascii=False, indent=1).encode()
            write_folder(folder, files)
        folder = existing_folder(folder)
        try:
            record = json.loads((folder / "fold.json").read_text(encoding="utf-8"))
            arrays = {
                place.stem: np.load(place, mmap_mode="r", allow_pickle=False) for place in sorted(folder.glob("*.npy"))
            }
            found: R = kind.from_parts(record, arrays)
            return found
        except (OSError, ValueError, KeyError, TypeError, EOFError, TidegateError) as error:
            message = "{folder} cannot be read ({error}); delete it, and the fold is done again"
            raise ArtifactError(tr(message, folder=folder, error=error)) from error

    def finish(self, found: Mapping[str, Any]) -> None:
        """Write the scores over all folds, as `scores.json`."""
        if self.out is not None:
            write_file(self.out / "scores.json", json.dumps(found, ensure_ascii=False, indent=1).encode())


def _npy(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
