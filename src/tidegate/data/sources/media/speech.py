"""Recordings with what was said in them: a table, transcripts beside the sounds, folders that are texts, or arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import DataError, ReadError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources.build import listed, pack
from tidegate.data.sources.media import rows
from tidegate.data.sources.media.sound import SOUNDS, Broken, Heard, Hearing, band_names, hear, hear_wave, one_rate

_PATHS = "path file filename file_name audio audio_path audio_filepath wav sound recording 路徑 檔案 檔名 音檔"
_TEXTS = "text sentence transcript transcription words label command utterance 文字 句子 逐字稿 指令"
_SPEAKERS = "speaker speaker_id client_id reader user person 說話者 語者 講者"


@dataclass(frozen=True)
class _Said:
    """A recording and what is said in it: a path or samples, where it was named; text, speaker and part, or None."""

    sound: Any
    id: str
    place: str
    text: str | None
    speaker: str | None
    part: str | None = None


def read_speech(
    data: Any,
    texts: Sequence[str] | None = None,
    *,
    speakers: Sequence[str] | None = None,
    path: str | None = None,
    text: str | None = None,
    speaker: str | None = None,
    part: str | None = None,
    rate: int | None = None,
    mels: int = 40,
    window: float = 0.025,
    hop: float = 0.010,
    broken: Broken = "error",
    lowercase: bool = True,
    labelled: bool = True,
) -> Sequences:
    """Recordings as log-mel features, with their texts and speakers.

    Args:
        data: a table (CSV, TSV, JSONL, Parquet or a frame) with a column of paths, relative to it, and one of texts; a
            folder of sound files with such a table in it (`transcripts.*` or `metadata.*`), with transcripts as
            LibriSpeech has them (`*.trans.txt`), with a text file beside each sound, or with sub-folders that are
            called by what is said in them; a sound file or a list of them; a list of arrays [n] of samples, or
            `Sequences`.
        texts: of a list, one for each. speakers: of a list.
        path, text, speaker: columns of the table; known by their usual names where nothing is said.
        part: column that says which part a recording is in (train, validation or dev, test); `part` or `split` if None.
        rate: samples a second of arrays, or to bring all files to.
        mels: bands. window, hop: seconds that one step sees, and from one step to the next.
        broken: `error`, or `skip` to leave out files that cannot be used, with a note.
        lowercase: write texts small.
        labelled: whether there must be texts.

    Raises:
        ReadError: a file is missing, broken or empty, with the line that names it. SchemaError: a column is missing.
        DataError: no texts, an empty one, another number of them, or different rates and no `rate`.
    """
    hearing = Hearing(rate, mels, window, hop, broken)
    if isinstance(data, Sequences):
        if texts is None:
            return data
        return replace(data, labels=rows.objects([_plain(own, lowercase) for own in texts]), label_names=("text",))
    notes: list[Note] = []
    said = _given(data, texts, speakers, {"path": path, "text": text, "speaker": speaker, "part": part}, rate, notes)
    if labelled:
        message = (
            "there are no texts to learn from: give a table with a column of them (text=), a text file beside each "
            "sound, folders that are called by what is said in them, or texts= of a list"
        )
        rows.require_texts(said, tr(message), tr("text"))
    heard = [_hear(own, hearing) for own in said]
    said, sounds = rows.usable(said, [own.place for own in said], heard, broken, tr("sound files"), notes)
    wanted = one_rate([own.id for own in said], [own.rate for own in sounds], rate, notes)
    seconds = sum(len(own.features) for own in sounds) * hop
    message = "{count} recordings, {minutes} minutes at {rate} Hz, became {mels} bands, a step each {hop} ms."
    values = {"count": len(sounds), "minutes": f"{seconds / 60:.1f}", "rate": wanted, "mels": mels}
    notes.append(Note("sound", message, {**values, "hop": f"{1000 * hop:g}"}))
    silent = [own.id for own, sound in zip(said, sounds, strict=True) if sound.silent]
    if silent:
        message = "{count} sound files are silent throughout: {files}."
        notes.append(Note("silent", message, {"count": len(silent), "files": listed(silent)}))
    spoken = any(own.text is not None for own in said)
    named = all(own.speaker is not None for own in said) and len({own.speaker for own in said}) > 1
    made = pack(
        [own.features for own in sounds],
        ids=rows.different([own.id for own in said]),
        channels=band_names(mels, wanted),
        groups=rows.objects([own.speaker for own in said]) if named else None,
        rate=1 / hop,
        notes=notes,
    )
    texts = [_plain(own.text or "", lowercase) for own in said] if spoken else None
    return rows.written_for(made, "text", texts, [own.part for own in said])


def _given(
    data: Any, texts: Any, speakers: Any, columns: Mapping[str, str | None], rate: int | None, notes: list[Note]
) -> list[_Said]:
    how: dict[str, Any] = {"columns": columns, "notes": notes}
    data, as_list = rows.items_of(data, SOUNDS, partial(_folder, **how), partial(_table, **how))
    if not as_list:
        found: list[_Said] = data
        return found
    if isinstance(data, np.ndarray) and data.dtype.kind in "fiu" and data.ndim == 1:
        data = [data]
    for name, own in (("texts", texts), ("speakers", speakers)):
        if own is not None and len(own) != len(data):
            message = "{count} recordings and {other} {name}: give one for each"
            raise DataError(tr(message, count=len(data), other=len(own), name=name))
    paths = [isinstance(item, (str, PathLike)) for item in data]
    if not all(paths) and rate is None:
        raise DataError(tr("arrays of samples do not say how fast they were taken: give rate=, such as 16000"))
    return [
        _Said(
            Path(item).expanduser() if own else np.asarray(item),
            Path(item).stem if own else str(place),
            tr("recording {number}", number=place),
            None if texts is None else str(texts[place]),
            None if speakers is None else str(speakers[place]),
        )
        for place, (item, own) in enumerate(zip(data, paths, strict=True))
    ]


def _folder(root: Path, columns: Mapping[str, str | None], notes: list[Note]) -> list[_Said]:
    """Recordings of a folder, by whichever way their texts are told."""
    table = partial(_table, root=root, columns=columns, notes=notes)
    return rows.in_folder(root, "transcripts", SOUNDS, tr("sound files"), table, partial(_files, root, notes))


def _files(root: Path, notes: list[Note], sounds: list[Path]) -> list[_Said]:
    lists = sorted(root.rglob("*.trans.txt"))
    if lists:
        return [own for file in lists for own in _listed(file)]
    beside = [sound.with_suffix(".txt") for sound in sounds]
    if any(file.is_file() for file in beside):
        return [_beside(root, *pair) for pair in zip(sounds, beside, strict=True)]
    below = [sound.relative_to(root) for sound in sounds]
    told = all(len(name.parts) > 1 for name in below)
    if told:
        message = "The folders in {root} are called by what is said in them: {count} different texts."
        count = len({name.parts[0] for name in below})
        notes.append(Note("folders", message, {"root": root.name, "count": count}))
    texts = [name.parts[0].replace("_", " ") if told else None for name in below]
    return [
        _Said(sound, name.with_suffix("").as_posix(), name.as_posix(), text, None)
        for sound, name, text in zip(sounds, below, texts, strict=True)
    ]


def _listed(file: Path) -> list[_Said]:
    """Lines of a name and a text; the speaker is the first part of the name, as LibriSpeech has it."""
    found = []
    for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        name, _, text = line.strip().partition(" ")
        place = tr("{file}, line {number}", file=file.name, number=number)
        ways = [file.parent / f"{name}{ending}" for ending in SOUNDS]
        sound = next((way for way in ways if way.is_file()), None)
        if sound is None:
            raise ReadError(tr("{place}: there is no sound file {name} beside it", place=place, name=f"{name}.*"))
        found.append(_Said(sound, name, place, text, name.split("-")[0]))
    return found


def _beside(root: Path, sound: Path, file: Path) -> _Said:
    name = sound.relative_to(root).as_posix()
    if not file.is_file():
        raise ReadError(tr("{name} has no text: expected {file} beside it", name=name, file=file.name))
    return _Said(sound, name.rpartition(".")[0], name, " ".join(file.read_text("utf-8", "replace").split()), None)


def _table(data: Any, root: Path, columns: Mapping[str, str | None], notes: list[Note]) -> list[_Said]:
    usual = {"path": _PATHS, "text": _TEXTS, "speaker": _SPEAKERS}
    found = []
    for place, cells in rows.named_rows(data, columns, usual, tr("sound files"), notes):
        name = str(cells["path"])
        stem = Path(name).with_suffix("").as_posix()
        found.append(_Said(root / name, stem, place, cells["text"], cells["speaker"], cells["part"]))
    return found


def _hear(own: _Said, hearing: Hearing) -> Heard | str:
    if not isinstance(own.sound, Path):
        return hear_wave(np.atleast_1d(own.sound), hearing.rate or 0, hearing)
    if not own.sound.is_file():
        return tr("there is no such file: {path}", path=own.sound)
    return hear(own.sound, hearing)


def _plain(text: str, lowercase: bool) -> str:
    found = " ".join(text.split())
    return found.lower() if lowercase else found
