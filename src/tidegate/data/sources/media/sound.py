"""Sound files as samples (WAV by hand, others through the `soundfile` library), and folders of them as sequences."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, ReadError
from tidegate.core.optional import require
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources.build import listed, pack
from tidegate.data.sources.folder import files_below, name_all
from tidegate.data.sources.media.rows import usable
from tidegate.prepare.sequence.mel import centres, log_mel, resample

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
SOUNDS = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")


def read_sound(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of a sound file.

    Args:
        path: .wav (PCM of 8, 16, 24 or 32 bits, or floats), or what libsndfile reads.

    Returns:
        float32 [n, channels] from -1 to 1, and samples a second.

    Raises:
        ReadError: the file is broken or of an unknown form; without its path, which the caller names.
        MissingExtraError: another format than WAV, without the `soundfile` library.
    """
    if path.suffix.lower() in (".wav", ".wave"):
        return read_wav(path.read_bytes())
    library = require("soundfile", extra="audio", purpose=f"read {path.suffix} files")
    try:
        samples, rate = library.read(path, dtype="float32", always_2d=True)
    except (RuntimeError, OSError) as error:
        raise ReadError(tr("not readable ({error})", error=str(error)[:80])) from None
    return samples, int(rate)


def read_wav(content: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of the bytes of a WAV file.

    Raises:
        ReadError: they are no WAV, cut short, or in an unknown coding.

    Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991); WAVE_FORMAT_EXTENSIBLE.
    """
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ReadError("no WAV file" if content else "empty file")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt ":
            if len(body) < 16:
                raise ReadError(tr("its format chunk is cut short"))
            coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
            if coding == _EXTENSIBLE and len(body) >= 26:
                coding = int.from_bytes(body[24:26], "little")
            form = (coding, channels, rate, bits)
        elif name == b"data":
            if form is None:
                raise ReadError(tr("its samples come before their format"))
            if len(body) < size < 0x7FFFFFFF:  # a recorder that streams leaves the size open
                raise ReadError(tr("cut short: {count} of {size} bytes of samples", count=len(body), size=size))
            return _samples(body, *form), form[2]
        at += 8 + size + (size & 1)
    raise ReadError(tr("no samples in it"))


def _samples(body: bytes, coding: int, channels: int, rate: int, bits: int) -> NDArray[np.float32]:
    if not channels or not rate:
        raise ReadError(tr("{channels} channels at {rate} Hz", channels=channels, rate=rate))
    width = bits // 8
    known = (coding == _PCM and bits in (8, 16, 24, 32)) or (coding == _FLOAT and bits in (32, 64))
    if not known:
        raise ReadError(
            tr("coding {coding} of {bits} bits; save it as PCM or float, or as FLAC", coding=coding, bits=bits)
        )
    body = body[: len(body) // (width * channels) * (width * channels)]
    if coding == _FLOAT:
        flat = np.frombuffer(body, dtype=f"<f{width}").astype(np.float32)
        if not np.isfinite(flat).all():
            raise ReadError(tr("samples that are no finite numbers"))
    elif bits == 8:
        flat = (np.frombuffer(body, dtype=np.uint8).astype(np.float32) - 128) / np.float32(128)
    elif bits == 24:
        whole = np.zeros((len(body) // 3, 4), dtype=np.uint8)
        whole[:, 1:] = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
        flat = whole.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
    else:
        flat = np.frombuffer(body, dtype=f"<i{width}").astype(np.float32) / np.float32(2 ** (bits - 1))
    return flat.reshape(-1, channels)


Broken = Literal["error", "skip"]


@dataclass(frozen=True)
class Hearing:
    """How sound is read.

    Attributes:
        rate: samples a second to bring all files to; None leaves them, and refuses different rates.
        mels: bands. window, hop: seconds that one step sees, and from one step to the next.
        broken: whether files that cannot be read, or hold no sample, are an error or left out with a note.
    """

    rate: int | None = None
    mels: int = 40
    window: float = 0.025
    hop: float = 0.010
    broken: Broken = "error"

    def __post_init__(self) -> None:
        """Raises: ConfigError: one that cannot work."""
        rate, mels, broken = self.rate, self.mels, self.broken
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int) or not 100 <= rate <= 1_000_000):
            raise ConfigError(tr("rate={rate!r} must be a whole number of samples a second, such as 16000", rate=rate))
        if isinstance(mels, bool) or not isinstance(mels, int) or not 1 <= mels <= 512:
            raise ConfigError(tr("mels={mels!r} must be a whole number of bands from 1 to 512", mels=mels))
        for name, seconds in (("window", self.window), ("hop", self.hop)):
            if not isinstance(seconds, (int, float)) or not 0.0005 <= seconds <= 10:
                raise ConfigError(tr("{name}={seconds!r} must be seconds, such as 0.025", name=name, seconds=seconds))
        if broken not in ("error", "skip"):
            raise ConfigError(tr('broken={broken!r} must be "error" or "skip"', broken=broken))


def read_sounds(data: Path | list[Path], *, pattern: str | None = None, **how: Any) -> Sequences:
    """Log-mel features of sound files; several channels of sound are averaged.

    Args:
        data: a folder, its sub-folders being the labels; or files.
        pattern: regular expression with groups named label and group, for labels and groups out of file names.
        how: fields of `Hearing`.

    Raises:
        ReadError: no files, broken or empty ones, or names that do not match.
        DataError: different rates and no `rate`.
        MissingExtraError: other formats than WAV without the `soundfile` library.
    """
    hearing = Hearing(**how)
    root = data if isinstance(data, Path) else None
    paths = files_below(data, SOUNDS) if isinstance(data, Path) else data
    if not paths:
        raise ReadError(
            tr("{root} holds no sound files ({sounds} ...)", root=root or "the list", sounds=", ".join(SOUNDS[:4]))
        )
    heard = [hear(path, hearing) for path in paths]
    below = [path.name if root is None else path.relative_to(root).as_posix() for path in paths]
    notes: list[Note] = []
    kept, sounds = usable(paths, below, heard, hearing.broken, tr("sound files"), notes)
    named = name_all(root if root is not None else _common(paths), kept, pattern)
    notes = [*named.notes, *notes]
    wanted = one_rate(named.ids, [item.rate for item in sounds], hearing.rate, notes)
    message = "{count} sound files at {rate} Hz became {mels} bands, a step each {hop} ms."
    values = {"count": len(sounds), "rate": wanted, "mels": hearing.mels, "hop": f"{1000 * hearing.hop:g}"}
    notes.append(Note("sound", message, values))
    silent = [name for name, item in zip(named.ids, sounds, strict=True) if item.silent]
    if silent:
        message = "{count} sound files are silent throughout: {files}."
        notes.append(Note("silent", message, {"count": len(silent), "files": listed(silent)}))
    short = [name for name, item in zip(named.ids, sounds, strict=True) if item.short]
    if short:
        message = "{count} sound files are shorter than one window and were lengthened with silence: {files}."
        notes.append(Note("short", message, {"count": len(short), "files": listed(short)}))
    return pack(
        [item.features for item in sounds],
        ids=named.ids,
        channels=band_names(hearing.mels, wanted),
        labels=named.labels,
        groups=named.groups,
        rate=1 / hearing.hop,
        notes=notes,
    )


def band_names(mels: int, rate: int) -> list[str]:
    """Names of the bands by their middle frequency, in Hz."""
    middles = centres(mels, rate)
    digits = 0
    while len({f"{middle:.{digits}f}" for middle in middles}) < mels:
        digits += 1
    return [f"{middle:.{digits}f} Hz" for middle in middles]


@dataclass(frozen=True)
class Heard:
    """Features [T, M] of one file, its own rate, and whether it is silent or shorter than one window."""

    features: NDArray[np.float32]
    rate: int
    silent: bool
    short: bool


def hear(path: Path, hearing: Hearing) -> Heard | str:
    """One file, or what is wrong with it."""
    try:
        samples, rate = read_sound(path)
    except ReadError as error:
        return str(error)
    except OSError as error:
        return str(error.strerror)
    return hear_wave(samples, rate, hearing)


def hear_wave(samples: NDArray[Any], rate: int, hearing: Hearing) -> Heard | str:
    """Samples [n] or [n, channels], whole numbers as shares of their type's largest; or what is wrong with them."""
    if not samples.size:
        return "no samples"
    if samples.dtype.kind in "iu":
        samples = samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max + 1)
    if not np.isfinite(samples).all():
        return "samples that are no finite numbers"
    wave = samples if samples.ndim == 1 else samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    used = hearing.rate or rate
    wave = resample(wave, rate, used)
    short = len(wave) < round(hearing.window * used)
    return Heard(
        log_mel(wave, used, hearing.mels, hearing.window, hearing.hop), rate, float(np.ptp(wave)) == 0.0, short
    )


def one_rate(names: list[str], rates: list[int], wanted: int | None, notes: list[Note]) -> int:
    """The rate that all features are of.

    Raises:
        DataError: files of different rates, and none is wanted.
    """
    counts = Counter(rates)
    if wanted is None:
        if len(counts) > 1:
            usual = counts.most_common(1)[0][0]
            odd = [f"{name} ({rate} Hz)" for name, rate in zip(names, rates, strict=True) if rate != usual]
            shown = ", ".join(f"{count} at {rate} Hz" for rate, count in counts.most_common())
            message = (
                "the sound files have different rates: {shown}, such as {odd}; pass rate={least}, say, to bring all "
                "to one"
            )
            raise DataError(tr(message, shown=shown, odd=listed(odd, 4), least=min(counts)))
        return rates[0]
    others = {rate: count for rate, count in counts.items() if rate != wanted}
    if others:
        message = "{count} sound files were brought from {rates} Hz to {rate} Hz."
        shown = ", ".join(map(str, sorted(others)))
        notes.append(Note("resampled", message, {"count": sum(others.values()), "rates": shown, "rate": wanted}))
    return wanted


def _common(paths: list[Path]) -> Path:
    parents = {path.parent for path in paths}
    first = next(iter(parents))
    while not all(parent == first or first in parent.parents for parent in parents):
        first = first.parent
    return first
