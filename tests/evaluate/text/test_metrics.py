"""Text metrics beside the libraries' own corpus scores and hand-worked cases."""

import math

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from tidegate.evaluate.text.metrics import bleu, bleu_tokenised, chrf, cider, rouge_l, same

WRITTEN = ["A man rides a horse.", "Two dogs run, and play in snow", "the Girl"]
REFERENCES = ["A man is riding a horse.", "Two dogs play in the snow.", "A girl is reading a book ."]


def test_bleu_and_chrf_are_sacrebleus_corpus_scores() -> None:
    library = BLEU(lowercase=True)
    assert bleu()(WRITTEN, REFERENCES) == pytest.approx(library.corpus_score(WRITTEN, [REFERENCES]).score / 100)
    assert bleu().signature == str(library.get_signature())
    assert "case:lc" in bleu().signature
    assert "tok:13a" in bleu().signature
    assert chrf()(WRITTEN, REFERENCES) == pytest.approx(CHRF().corpus_score(WRITTEN, [REFERENCES]).score / 100)


def test_several_references_count_as_sacrebleu_and_cider_say() -> None:
    references = [("A man rides.", "A man is riding a horse."), REFERENCES[1], ("a girl", "the girl")]
    streams = [[own if isinstance(own, str) else own[0] for own in references], [references[0][1], None, "the girl"]]
    library = BLEU(lowercase=True)
    made = bleu(references=None)
    assert made(WRITTEN, references) == pytest.approx(library.corpus_score(WRITTEN, streams).score / 100)
    assert made.signature == str(library.get_signature())
    assert chrf(references=None)(WRITTEN, references) == pytest.approx(
        CHRF().corpus_score(WRITTEN, streams).score / 100
    )
    # by hand: of the first one's references one is met whole (7.5 of a text of three words), the other not at all
    both = [("red big circle", "wide blue pond"), "a green square"]
    assert cider()(["red big circle", "."], both) == pytest.approx(7.5 / 2 / 2)


def test_chinese_is_scored_by_character() -> None:
    written, references = ["我喜歡你的車。"], ["我很喜歡你的車。"]
    library = BLEU(tokenize="zh")
    assert bleu(lowercase=False, tokenize="zh")(written, references) == pytest.approx(
        library.corpus_score(written, [references]).score / 100
    )
    # 7 of 7 characters (8 in the reference) stand there in order: F = 2 * 1 * (7/8) / (1 + 7/8), marks not counted
    assert rouge_l()(written, references) == pytest.approx(2 * (6 / 7) / (1 + 6 / 7))


def test_tokenised_bleu_cuts_words_from_marks_in_lower_case() -> None:
    own = BLEU(tokenize="none", force=True).corpus_score(["a man rides a horse ."], [["a man is riding a horse ."]])
    assert bleu_tokenised()(["A man rides a horse."], ["A man is riding a horse."]) == pytest.approx(own.score / 100)


def test_rouge_is_the_mean_of_the_librarys_f() -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    each = [scorer.score(b, a)["rougeL"].fmeasure for a, b in zip(WRITTEN, REFERENCES, strict=True)]
    assert rouge_l()(WRITTEN, REFERENCES) == pytest.approx(np.mean(each))


def test_exact_matches_ignore_blanks_around() -> None:
    assert same()([" a b", "c"], ["a b ", "d"]) == 0.5


def test_cider_by_hand() -> None:
    references = ["a red circle", "a blue square"]
    # "a" is in both references and weighs nothing, all else log 2. Of "a red square" one of two words and one of two
    # pairs agree, of three words in a row none; a caption of three words has no run of four
    assert cider()(["a red square", "a blue square"], references) == pytest.approx((10 * (0.5 + 0.5) / 4 + 7.5) / 2)
    # repeated words count as often as the reference has them; a length of 3 in place of 2 costs exp(-1 / 72)
    one = 10 / 4 / (3 * math.sqrt(2)) * math.exp(-1 / 72)
    assert cider()(["red red red", "."], ["red circle", "blue square"]) == pytest.approx(one / 2)
    assert cider()(["紅色圓形", "藍色方形"], ["紅色圓形", "藍色方形"]) == pytest.approx(10.0)
