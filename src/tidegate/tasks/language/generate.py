"""What a language model writes: texts, and pieces of music, from a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.artifacts.atomic import write_file
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.data.files.midi import is_midi, read_midi
from tidegate.runtime.language.copies import CHORDS, LENGTH, Copied, copied
from tidegate.runtime.language.generate import Generation
from tidegate.runtime.language.model import TextModel
from tidegate.runtime.language.music import Frames, midi_bytes
from tidegate.runtime.language.sampling import Sampling
from tidegate.runtime.language.written import Written
from tidegate.tasks.estimator import Estimator


class Generating(Estimator):
    """A model whose `model_` is a `TextModel`, and what it writes."""

    tokens: str

    def generate(
        self,
        prompt: str | Sequence[Any] = "",
        *,
        length: int | None = None,
        count: int = 1,
        temperature: float | Sequence[float] = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        best_of: int | None = None,
        melody: Any = None,
    ) -> list[Written]:
        """Texts that continue a prompt, in time that does not grow with what was written.

        Args:
            prompt: the beginning, which is kept; "" begins a new text. Several parts are each followed by a text of its
                own, which the next parts know. Of music: a MIDI file, or the notes of each step.
            length: tokens at most, 500 if None; of music steps, 64 if None. count: how many texts.
            temperature: below 1 the likely becomes likelier; 0 always takes the likeliest; a list has one for each part
                of the prompt.
            top_k: only so many of the likeliest tokens; 0 takes all.
            top_p: only the likeliest tokens that together have this probability.
            min_p: only tokens with at least this share of the likeliest one's probability.
            repetition_penalty: how much less likely tokens that were just written become; 1 leaves them alone.
            seed: of chance.
            stop: strings that end a text; they are left out.
            best_of: write so many and keep the `count` that the model itself finds likeliest, best first.
            melody: of music, what is to be harmonised: a MIDI file, notes or steps, whose highest notes are kept.

        Returns:
            `Written`: print it, or see `.text`, `.new`, `.nats`.

        Raises:
            DataError: a symbol of the prompt that the corpus has not. ConfigError: an option that cannot be.
        """
        if best_of is not None and (isinstance(best_of, bool) or best_of < count):
            message = "best_of is a whole number of at least count, {count}; got {best_of!r}"
            raise ConfigError(tr(message, count=count, best_of=best_of))
        music = self._music is not None
        parts: list[Any] = [prompt] if music or isinstance(prompt, (str, Path)) else list(prompt)
        heats = list(temperature) if isinstance(temperature, Sequence) else [temperature] * len(parts)
        if not parts or len(heats) != len(parts):
            message = "{count} parts of the prompt and {count2} temperatures: give one for each part"
            raise ConfigError(tr(message, count=len(parts), count2=len(heats)))
        drawn = [Sampling(heat, top_k, top_p, min_p, repetition_penalty, seed=seed) for heat in heats]
        how: dict[str, Any] = {"length": length, "stop": stop, "melody": melody}
        many = best_of or count
        if len(parts) == 1:
            written = self.generation(parts[0], count=many, sampling=drawn[0], **how).run()
        else:
            written = [self._in_parts(parts, drawn, number, how) for number in range(many)]
        return written if best_of is None else sorted(written, key=lambda own: own.nats)[:count]

    def _in_parts(self, parts: Sequence[str], drawn: Sequence[Sampling], number: int, how: dict[str, Any]) -> Written:
        """A text of several parts, each followed by what is written at its own temperature."""
        text, tokens, nats, stopped = "", 0, 0.0, ""
        for part, sampling in zip(parts, drawn, strict=True):
            [own] = self.generation(text + part, sampling=replace(sampling, seed=sampling.seed + number), **how).run()
            text, tokens, nats, stopped = own.text, tokens + own.tokens, nats + own.nats * own.tokens, own.stopped
        return Written(text, len(parts[0]), tokens, nats / max(tokens, 1), stopped)

    def generation(
        self, prompt: Any = "", *, length: int | None = None, melody: Any = None, **how: Any
    ) -> Generation | Frames:
        """The same, to go through token by token as it is written: see `tidegate.runtime.language.generate`."""
        self._require_fitted("model_")
        model: TextModel = self.model_
        if length is None:
            length = 500 if self._music is None else 64
        if self._music is not None:
            prompt, melody = self._chords(prompt), self._chords(melody)
            how.pop("stop", None)
        return model.generation(prompt, length=length, melody=melody, **how)

    @property
    def _music(self) -> Mapping[str, float] | None:
        self._require_fitted("model_")
        found: Mapping[str, float] | None = self.model_.music
        return found

    def _chords(self, given: Any) -> Any:
        """Steps of a MIDI file where that is given."""
        if not isinstance(given, (str, Path)) or not is_midi(Path(given)):
            return given
        return read_midi(Path(given), self._steps)[0]

    @property
    def _steps(self) -> int:
        return int(self.reading_.get("steps", 4))

    def write_midi(self, path: str | Path, text: str | Written) -> Path:
        """Write a piece as a MIDI file, at the speed of the training's.

        Raises:
            ConfigError: the model is of no music. OutputError: the file cannot be written.
            MissingExtraError: symusic is not installed.
        """
        if self._music is None:
            raise ConfigError(
                tr("MIDI is for a model of music, and this one has tokens={number!r}", number=self.tokens)
            )
        write_file(
            Path(path), midi_bytes(text.text if isinstance(text, Written) else text, self._music["rate"], self._steps)
        )
        return Path(path)

    def copied(self, texts: Sequence[str | Written], *, length: int | None = None) -> Copied:
        """How much of generated texts stands in the training text, and the longest stretch that does.

        Args:
            texts: what `generate` gave, or texts.
            length: characters of the stretches that are counted, 40 if None; of music 160, some twelve steps.

        Raises:
            NotFittedError: a loaded model has no training text; `tidegate.open_run` opens the folder of a run.
        """
        self._require_fitted("fitted_")
        length = length or (LENGTH if self._music is None else CHORDS)
        own = [text.new if isinstance(text, Written) else text for text in texts]
        return copied(own, "\n".join(self.fitted_.texts), length)
