"""`tidegate transcribe`: what is said in sound files, or in a microphone's raw stream as it comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from tidegate.cli.derive import add
from tidegate.cli.output import Json, Run, print_json, say
from tidegate.cli.runs import model_of
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.runtime.transcribe.transcript import Transcript

CHUNK = 0.1  # seconds of raw sound that are taken at once
PAUSE = 0.8


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("Write down what is said in sound files, or in raw sound from standard input; needs no torch.")
    add(app, words, "transcribe", text, lambda: transcribe)


def transcribe(
    run: Run,
    sounds: Annotated[
        list[str],
        typer.Argument(help=tr("Sound files; - takes raw 16-bit mono samples from standard input, as they come.")),
    ],
    hotword: Annotated[
        list[str] | None, typer.Option(help=tr("Word or phrase that is to be expected; more than once for several."))
    ] = None,
    language: Annotated[
        str | None, typer.Option(help=tr("Run of a language model that speaks with it, in place of its transcripts."))
    ] = None,
    beam: Annotated[
        int | None, typer.Option(help=tr("Texts that the beam search keeps; as chosen if not given."))
    ] = None,
    endpoint: Annotated[
        float, typer.Option(help=tr("Seconds of silence that end an utterance of standard input."))
    ] = PAUSE,
    rate: Annotated[
        int | None, typer.Option(help=tr("Samples a second of standard input; it must be that of the model."))
    ] = None,
    words: Annotated[bool, typer.Option("--words", help=tr("Print each word with its time and confidence."))] = False,
    as_json: Json = False,
) -> None:
    """Transcribe."""
    model = model_of(run, "transcribe", "transcriber")
    how: dict[str, Any] = {"hotwords": hotword or [], "language": language}
    how |= {} if beam is None else {"decoding": {"beam": beam}}
    if "-" in sounds:
        if len(sounds) > 1:
            raise ConfigError(tr("- takes standard input, and stands alone"))
        _check_rate(model.preparation.rate, rate)
        found = _listen(model, how, endpoint, words, as_json)
    else:
        found = _files(model, sounds, how, words, as_json)
    if as_json:
        print_json(found)


def _check_rate(own: int, given: int | None) -> None:
    if given is not None and given != own:
        message = (
            "the model hears {own} samples a second, and standard input has {given}: record at {own}, such as "
            "arecord -q -t raw -f S16_LE -c 1 -r {own}"
        )
        raise ConfigError(tr(message, own=own, given=given))


def _files(model: Any, sounds: list[str], how: dict[str, Any], words: bool, quiet: bool) -> list[dict[str, Any]]:
    from tidegate.data.sources.media.speech import read_speech

    own = model.preparation
    form = {"rate": own.rate, "mels": own.mels, "window": own.window, "hop": own.hop}
    found = []
    for sound in sounds:
        begin = time.monotonic()
        heard = read_speech([Path(sound)], labelled=False, **form)
        transcript = model.predict(heard, **how)[0]
        if not quiet:
            print(transcript.text if len(sounds) == 1 else f"{sound}\t{transcript.text}")
            _print_words(transcript, words)
        factor = (time.monotonic() - begin) / max(transcript.seconds, 1e-9)
        found.append(_json(transcript) | {"file": sound, "real_time_factor": round(factor, 4)})
    return found


def _listen(model: Any, how: dict[str, Any], endpoint: float, words: bool, quiet: bool) -> list[dict[str, Any]]:
    """Standard input to its end, each utterance printed where silence ends it."""
    stream = model.stream(endpoint=endpoint, **how)
    size, busy, found, seconds = 2 * max(int(CHUNK * model.preparation.rate), 1), 0.0, [], 0.0
    source: IO[bytes] = sys.stdin.buffer
    ended = False
    while not ended:
        try:
            raw = source.read(size)
        except KeyboardInterrupt:
            raw = b""
        begin = time.monotonic()
        heard = stream.update(raw) if raw else stream.finish()
        ended, seconds = not raw, heard.seconds
        busy += time.monotonic() - begin
        for transcript in heard.finished:
            if not transcript.text:
                continue
            found.append(_json(transcript))
            if not quiet:
                print(transcript.text, flush=True)
                _print_words(transcript, words)
    if not quiet and seconds:
        message = "{seconds} s of sound, {factor} of that time to write it down."
        say(tr(message, seconds=f"{seconds:.1f}", factor=f"{busy / seconds:.3f}"))
    return found


def _print_words(found: Transcript, wanted: bool) -> None:
    for word in found.words if wanted else ():
        print(f"  {word.start:7.2f} {word.end:7.2f}  {word.confidence:.2f}  {word.text}", flush=True)


def _json(found: Transcript) -> dict[str, Any]:
    words = [vars(word) for word in found.words]
    return {"text": found.text, "confidence": found.confidence, "seconds": found.seconds, "words": words}
