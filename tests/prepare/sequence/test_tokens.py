"""Tokens: cases worked out by hand, scikit-learn's counts, and the `tokenizers` library itself."""

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from tidegate.core.errors import ArtifactError, DataError, MissingExtraError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.prepare.sequence import bytepairs
from tidegate.prepare.sequence.preparation import SequenceOptions, SequencePreparation
from tidegate.prepare.sequence.tokens import PADDING, UNKNOWN, characters, words


def texts(*held):
    array = np.array(held, dtype=object)
    starts = np.zeros(len(held) + 1, dtype=np.int64)
    return Sequences(tuple(f"t{i}" for i in range(len(held))), starts, np.empty((0, 0)), (), texts=array)


def fit(*held, **options):
    sequences = texts(*held)
    return SequencePreparation.fit(sequences, np.arange(len(sequences)), SequenceOptions(**options))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("wo n't isn’t 'tis", ["wo", "n't", "isn’t", "'", "tis"]),
        ("3.5 kg, 1,000 or x2", ["3.5", "kg", ",", "1,000", "or", "x2"]),
        ("re-imagining a_b", ["re", "-", "imagining", "a", "_", "b"]),
        ("房间很大，2M宽", ["房", "间", "很", "大", "，", "2", "M", "宽"]),
        ("LSTM模型のテスト", ["LSTM", "模", "型", "の", "テ", "ス", "ト"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा", "।"]),
        ("Straße naïve nai\u0308ve", ["Straße", "naïve", "nai\u0308ve"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@given(st.text(max_size=60))
@settings(deadline=None)
def test_words_lose_nothing_but_blanks(text):
    assert "".join(words(text)) == "".join(text.split())


@given(st.text(st.characters(max_codepoint=127), max_size=60))
@settings(deadline=None)
def test_words_of_plain_letters_do_not_depend_on_the_letters_around_them(text):
    assert words(text + " é") == [*words(text), "é"]


def test_characters_make_runs_of_blanks_one():
    assert characters("  a \n b ") == ["a", " ", "b"]


def test_the_vocabulary_is_ranked_by_count_as_scikit_learn_counts():
    held = ["the cat sat", "the cat ran", "the dog", "a cat"]
    preparation = fit(*held, min_count=1)
    counter = CountVectorizer(token_pattern=r"\S+").fit(held)
    counts = dict(zip(counter.get_feature_names_out(), counter.transform(held).sum(axis=0).A1, strict=True))
    kept = preparation.tokens.vocabulary[2:]
    assert set(kept) == set(counts)
    assert [counts[token] for token in kept] == sorted(counts.values(), reverse=True)


def test_rare_tokens_and_those_above_the_cap_are_unknown_and_said_so():
    preparation = fit("a a a b b c", min_count=2)
    assert preparation.tokens.vocabulary == ("<padding>", "<unknown>", "a", "b")
    assert preparation.notes[0].values == {"size": 2, "all": 3, "least": 2, "share": "16.7"}
    assert fit("a a a b b c", min_count=1, vocabulary=3).tokens.vocabulary[2:] == ("a",)


def test_ids_and_batches():
    preparation = fit("a b a b", min_count=1)
    prepared = preparation.apply(texts("b A zzz", "a"))
    past, lengths = prepared.gather(np.array([1, 0]))
    assert past.dtype == np.int64
    assert past.tolist() == [[2, PADDING, PADDING], [3, 2, UNKNOWN]]
    assert lengths.tolist() == [1, 3]
    assert {note.kind: note.values for note in prepared.notes} == {"unknown": {"count": 1, "total": 4, "texts": 0}}


def test_empty_texts_are_one_unknown_token_and_noted():
    prepared = fit("a b a b").apply(texts("", "a b", None, "  ", "q"))
    assert prepared.values.tolist() == [1, 2, 3, 1, 1, 1]
    assert prepared.lengths.tolist() == [1, 2, 1, 1, 1]
    notes = {note.kind: note.values for note in prepared.notes}
    assert notes == {"empty_text": {"count": 3, "first": "t0"}, "unknown": {"count": 4, "total": 6, "texts": 4}}


@pytest.mark.parametrize(("truncate", "expected"), [("end", [2, 3]), ("start", [3, 4])])
def test_long_texts_are_cut(truncate, expected):
    preparation = fit("a b c", min_count=1, max_length=2, truncate=truncate)
    prepared = preparation.apply(texts("a b c"))
    assert prepared.values.tolist() == expected
    assert prepared.notes[0].kind == "truncated"


def test_texts_and_numbers_are_not_mixed_up():
    numbers = Sequences(("a",), np.array([0, 1]), np.ones((1, 1)), ("c",))
    with pytest.raises(SchemaError, match="fitted on texts"):
        fit("a a").apply(numbers)
    with pytest.raises(SchemaError, match="fitted on numbers"):
        SequencePreparation.fit(numbers, np.array([0])).apply(texts("a"))


def test_texts_without_a_frequent_token_are_refused():
    with pytest.raises(DataError, match="min_count="):
        fit("a b c")
    with pytest.raises(DataError, match="no token"):
        fit("", "", tokens="char")


CORPUS = ["the cat sat on the mat, the cat!", "房间很大，房间很好", "the matter of the cats"] * 3


def test_pieces_equal_what_the_library_makes_of_its_own_model():
    preparation = fit(*CORPUS, tokens="bpe", vocabulary=60)
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unknown>"))
    before = tokenizers.pre_tokenizers
    made.pre_tokenizer = before.Sequence([before.Metaspace(), before.Punctuation("isolated")])
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=60, min_frequency=2, special_tokens=["<padding>", "<unknown>"], show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    for text in [*CORPUS, "the unseen 房客 zq"]:
        assert preparation.apply(texts(text)).values.tolist() == made.encode(text).ids
    assert len(set(made.get_vocab()) - set(preparation.tokens.vocabulary)) == 0
    assert "▁the" in preparation.tokens.vocabulary


def test_pieces_are_the_same_in_every_training():
    assert fit(*CORPUS, tokens="bpe") == fit(*CORPUS, tokens="bpe")


def test_byte_pairs_without_the_library_name_the_extra(monkeypatch):
    preparation = fit(*CORPUS, tokens="bpe")
    bytepairs._built.cache_clear()

    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtraError, match=r"\[text\]"):
        preparation.apply(texts("the cat"))


def test_a_merge_of_pieces_that_are_not_there_is_refused():
    document = fit(*CORPUS, tokens="bpe").to_json()
    document["tokens"]["merges"].append(["zz", "qq"])
    with pytest.raises(ArtifactError, match="merges"):
        SequencePreparation.from_json(document)
