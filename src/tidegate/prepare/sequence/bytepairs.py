"""Byte-pair pieces through the `tokenizers` library; what is kept of it is a list of pieces and of joins.

Pieces are made of characters, so that they can be read: a piece that begins a word begins with "▁". Pieces of bytes
(`whole`) lose nothing, line ends and doubled blanks included: each byte stands as a character of its own, `letters`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tidegate.core.optional import require

Merges = tuple[tuple[str, str], ...]


def _library() -> Any:
    return require("tokenizers", extra="text", purpose="divide texts into byte-pair pieces (tokens='bpe')")


def letters() -> dict[str, int]:
    """The character that stands for each byte: itself where it can be seen, else one from U+0100 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


def _model(tokenizers: Any, model: Any, whole: bool) -> Any:
    made = tokenizers.Tokenizer(model)
    before = tokenizers.pre_tokenizers
    if whole:
        made.pre_tokenizer = before.ByteLevel(add_prefix_space=False)
        return made
    made.pre_tokenizer = before.Sequence([before.Metaspace(), before.Punctuation("isolated")])
    return made


def train(
    texts: Sequence[str], size: int, least: int, special: tuple[str, ...], *, whole: bool = False
) -> tuple[tuple[str, ...], Merges]:
    """Learn pieces from texts.

    Args:
        texts: the training texts, normalised.
        size: most pieces, those of `special` among them.
        least: how often a pair must occur to be joined.
        special: pieces that come first: padding, then unknown. whole: pieces of bytes, all 256 of them known.

    Returns:
        Pieces by id, and the pairs that are joined, in their order.

    Raises:
        MissingExtraError: the library is not installed.
    """
    tokenizers = _library()
    made = _model(tokenizers, tokenizers.models.BPE(unk_token=special[1]), whole)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=least,
        special_tokens=list(special),
        limit_alphabet=256 if whole else max(size * 2 // 3, 1),
        initial_alphabet=sorted(letters()) if whole else [],
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    import json

    learnt = json.loads(made.to_str())["model"]
    ranked = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in learnt["merges"]]
    return tuple(ranked), tuple((str(left), str(right)) for left, right in pairs)


@lru_cache(maxsize=4)
def _built(vocabulary: tuple[str, ...], merges: Merges, whole: bool) -> Any:
    tokenizers = _library()
    index = {piece: code for code, piece in enumerate(vocabulary)}
    return _model(tokenizers, tokenizers.models.BPE(vocab=index, merges=list(merges), unk_token=vocabulary[1]), whole)


def cut(vocabulary: tuple[str, ...], merges: Merges, texts: Sequence[str], *, whole: bool = False) -> list[list[str]]:
    """The pieces of each text; a character that was not learnt is the unknown piece.

    Raises:
        MissingExtraError: the library is not installed.
    """
    built = _built(vocabulary, merges, whole)
    return [found.tokens for found in built.encode_batch(list(texts), add_special_tokens=False)]
