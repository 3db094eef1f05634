"""Terms that texts must hold: automata by hand, the best of all texts that hold them, and the same in every batch."""

import itertools
from typing import Any

import numpy as np
import pytest

from tests.nn.specs import network
from tests.nn.test_write import KINDS, LENGTHS, SOURCE, spec
from tests.runtime.text.test_beam import log_probabilities
from tidegate.core.errors import ConfigError
from tidegate.prepare.sides import Side
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.write import Pen
from tidegate.runtime.text.beam import Beam, Hypothesis, search
from tidegate.runtime.text.model import barred_by
from tidegate.runtime.text.terms import Glossary, Term, Terms, going_on

SIX = np.zeros(6, np.bool_)


def holds(text: tuple[int, ...], term: Term) -> bool:
    size = len(term.tokens)
    return any(text[place : place + size] == term.tokens for place in range(len(text) - size + 1))


def walk(terms: Terms, text: tuple[int, ...]) -> list[int]:
    """Banks after each token of a text."""
    place, states, banks = np.zeros(1, np.int64), np.zeros((1, 1, terms.count), np.int64), []
    for token in text:
        states = terms.after(place, states, np.array([[token]]))
        banks.append(int(terms.bank(place, states)[0, 0]))
    return banks


def test_banks_of_a_term_by_hand() -> None:
    # a b a c: after a b a a `b` goes on from the second a, not from the start
    terms = Terms([[Term((3, 4, 3, 5), False)]], SIX, 0)
    assert walk(terms, (3, 4, 3, 4, 3, 5, 4)) == [1, 2, 3, 2, 3, 4, 4]
    assert terms.following(np.zeros(1, np.int64), np.array([[[0]]])).tolist() == [[[3]]]


def test_a_whole_word_is_not_complete_within_another() -> None:
    goes = SIX.copy()
    goes[5] = True
    terms = Terms([[Term((3, 4), True)]], goes, 0)
    assert walk(terms, (3, 4, 5, 3, 4, 3, 5)) == [1, 2, 0, 1, 2, 2, 2]  # complete, undone, and complete for good


def test_two_terms_count_what_is_complete_and_one_that_is_begun() -> None:
    terms = Terms([[Term((3, 4), False), Term((4, 5), False)]], SIX, 0)
    assert terms.total == 4
    assert walk(terms, (3, 4, 5)) == [1, 3, 4]  # 4 ends the first and begins the second


def find(options: Beam, wanted: list[list[Term]], rows: slice = slice(None), limit: int = 4, **how: Any) -> Any:
    one = spec(outputs=6)
    weights = Loaded({name: 3 * tensor.numpy() for name, tensor in network(one).state_dict().items()})
    sequence, lengths = read_source(one, weights, SOURCE[rows], LENGTHS[rows])
    pen = Pen(one, weights, sequence, lengths)
    return search(pen, options, np.full(len(sequence), limit), terms=Terms(wanted, SIX, 0), **how)


@pytest.mark.parametrize("tokens", [[(5, 3)], [(4,), (5,)], [(3, 3)]])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all_texts_that_hold_the_terms(tokens: list[Any], penalty: float) -> None:
    own = [Term(each, False) for each in tokens]
    found = find(Beam(beam=40, best=5, length_penalty=penalty), [own] * 3, limit=3)
    every = [text for count in range(4) for text in itertools.product((3, 4, 5), repeat=count)]
    every = [text for text in every if all(holds(text, term) for term in own)]
    for row in range(3):
        logs = log_probabilities(spec(outputs=6), row, every)
        ranked = sorted(every, key=lambda text: -Beam(length_penalty=penalty).rank(logs[text], len(text) + 1))[:5]
        assert [one.tokens for one in found[row]] == ranked
        np.testing.assert_allclose([one.log_probability for one in found[row]], [logs[t] for t in ranked], atol=1e-4)


def test_terms_are_there_however_narrow_the_beam_and_short_the_text() -> None:
    rng = np.random.default_rng(4)
    for _ in range(8):
        own = [Term(tuple(rng.integers(3, 6, rng.integers(1, 4)).tolist()), False) for _ in range(rng.integers(1, 4))]
        total = sum(len(term.tokens) for term in own)
        beam = int(rng.integers(1, 4))
        for limit in (total, 8):
            found = find(Beam(beam=beam), [own] * 3, limit=limit, barred=np.arange(6) == 4)
            assert all(holds(text[0].tokens, term) for text in found for term in own), own
            assert all(len(text[0].tokens) <= limit for text in found), own


def test_what_is_found_does_not_depend_on_the_batch() -> None:
    wanted = [[Term((5, 3), False)], [Term((4,), False), Term((5,), False)], [Term((3, 4), False)]]
    options = Beam(beam=3, best=3)

    def shown(found: list[Hypothesis]) -> list[Any]:
        return [(own.tokens, own.score) for own in found]

    together = find(options, wanted)
    for row in range(3):
        assert shown(find(options, wanted[row : row + 1], slice(row, row + 1))[0]) == shown(together[row])


def sides(method: Any, *texts: str) -> Side:
    return Side.fit(texts, method, vocabulary=None, min_count=1, lowercase=False)[0]


def test_which_terms_a_source_asks_for() -> None:
    target = sides("word", "the machine learning of a big house now")
    source = sides("word", "ein Haus")
    terms = {"Haus": "house", "maschinelles Lernen": "machine learning", "Lernen": "learning", "房屋": "big house"}
    found = Glossary(terms, source, target, copying=False)

    def asked(text: str) -> list[str]:
        return [target.decode(term.tokens) for term in found.wanted(text, ())]

    assert asked("das HAUS am See, mein Haus") == ["house"]  # any capitals, once
    assert asked("im Rathaus, Haushalt") == []  # no part of a word
    assert asked("Maschinelles  Lernen hilft") == ["machine learning"]  # the longest
    assert asked("這個房屋很大") == ["big house"]  # of scripts without blanks anywhere
    assert found.wanted("Haus", ())[0].whole


def test_terms_within_texts_of_every_kind_of_token() -> None:
    pytest.importorskip("tokenizers")
    bpe = sides("bpe", "a house and a boathouse", "houses in a house", "中國 is far")
    house = Glossary({"Haus": "house"}, bpe, bpe, copying=False).wanted("Haus", ())[0]
    assert bpe.decode(house.tokens) == "house"
    goes, known = going_on(bpe), dict(enumerate(bpe.vocabulary.pieces))
    letters = {number: piece[:1].isalnum() or piece[:1] == b"_" for number, piece in known.items() if piece.isascii()}
    assert all(goes[number] == own for number, own in letters.items())
    word = sides("word", "我愛中國的茶 tea")
    tea = Glossary({"tea": "中國"}, word, word, copying=False).wanted("tea", ())[0]
    assert not tea.whole
    assert word.decode(tea.tokens) == "中國"
    assert word.decode([*word.encode(word.cut("我愛"))[:-1], *tea.tokens]) == "我愛中國"  # no blank between
    copied = Glossary({"Ute": "Ute"}, sides("word", "a b"), sides("word", "c d"), copying=True)
    assert copied.wanted("a Ute", (" Ute",)) == [Term((5,), True)]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"Haus": ""}, "not empty"),
        ({"": "house"}, "not empty"),
        ({"Haus": "house", "haus": "home"}, "leave one"),
        ({"Haus": "skyscraper"}, "no token for"),
        ([("Haus", "house")], "mapping"),
    ],
)
def test_a_glossary_that_cannot_be_is_refused(terms: Any, said: str) -> None:
    side = sides("word", "a house a home")
    with pytest.raises(ConfigError, match=said):
        Glossary(terms, side, side, copying=False)


def test_words_that_alone_may_be_written_are_known_and_at_least_one() -> None:
    side = sides("word", "a house a home")
    barred = barred_by(["a house"], side)
    assert barred is not None
    assert [side.vocabulary.tokens[place] for place in np.nonzero(~barred)[0]] == ["<end>", " a", " house"]
    assert barred_by(None, side) is None
    for wrong, said in (
        ("house", "list of words"),
        ([], "at least one"),
        ([" "], "at least one"),
        (["a hut"], "'hut'"),
    ):
        with pytest.raises(ConfigError, match=said):
            barred_by(wrong, side)


def test_kinds_of_networks_take_terms() -> None:
    for kind in KINDS:
        one = spec(**kind)
        weights = Loaded({name: tensor.numpy() for name, tensor in network(one).state_dict().items()})
        sequence, lengths = read_source(one, weights, SOURCE, LENGTHS)
        terms = Terms([[Term((4, 5), False)]] * 3, np.zeros(one.outputs, np.bool_), 0)
        copies = SOURCE - 2 if one.layers[-1].copying else None
        found = search(Pen(one, weights, sequence, lengths), Beam(beam=2), np.full(3, 5), terms=terms, copies=copies)
        assert all(holds(own[0].tokens, Term((4, 5), False)) for own in found)
