"""Pairs of texts from tables, parallel files and lists; what lacks a side is named; equal texts lie in one part."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.data.files.pairs import read_pairs, read_sources
from tidegate.tasks.write.divide import Budget, divide

PAIRS = [("007", "seven"), ("ein Hund", "a dog"), ("二", "two")]


def written(folder: Path, kind: str) -> tuple[object, dict[str, str]]:
    if kind == "files":
        for place, side in enumerate(("de", "en")):
            with gzip.open(folder / f"t.{side}.gz", "wt", encoding="utf-8") as file:
                file.write("".join(f"{pair[place]}\n" for pair in PAIRS))
        return str(folder / "t.de.gz"), {"target_file": str(folder / "t.en.gz")}
    if kind == "jsonl":
        rows = [json.dumps({"a": one, "b": two, "c": 1}, ensure_ascii=False) for one, two in PAIRS]
        (folder / "t.jsonl").write_text("\n".join(rows), "utf-8")
        return folder / "t.jsonl", {"source": "a", "target": "b"}
    if kind == "tsv":
        (folder / "t.tsv").write_text("x\ty\n" + "".join(f"{one}\t{two}\n" for one, two in PAIRS), "utf-8")
        return str(folder / "t.tsv"), {}
    return PAIRS, {}


@pytest.mark.parametrize("kind", ["files", "jsonl", "tsv", "list"])
def test_every_form_gives_the_same_pairs(kind: str, tmp_path: Path) -> None:
    data, how = written(tmp_path, kind)
    found = read_pairs(data, **how)
    assert found.texts is not None
    assert found.labels is not None
    assert list(zip(found.texts.tolist(), found.labels.tolist(), strict=True)) == PAIRS


def test_pairs_that_lack_a_side_are_left_out_and_counted() -> None:
    found = read_pairs([("a", "b"), (" ", "c"), ("d", "")])
    assert found.ids == ("0",)
    assert [(note.kind, note.values) for note in found.notes] == [("unpaired", {"count": 2, "first": 2})]


def test_mistakes_are_named(tmp_path: Path) -> None:
    one, two = tmp_path / "a.txt", tmp_path / "b.txt"
    one.write_text("x\ny\n", "utf-8")
    two.write_text("x\n", "utf-8")
    with pytest.raises(ReadError, match=r"2 lines and .* 1"):
        read_pairs((one, two))
    with pytest.raises(SchemaError, match="pair 1"):
        read_pairs([("a", "b"), ("c",)])
    with pytest.raises(DataError, match="no pair"):
        read_pairs([("a", ""), ("", "b"), ("", "")])
    with pytest.raises(SchemaError, match="--source, --target"):
        read_pairs({"a": ["x"], "b": ["y"], "c": ["z"]})
    with pytest.raises(SchemaError, match="target"):
        read_pairs({"a": ["x"], "b": ["y"]}, source="a", target="d")
    two.write_bytes(b"ok\n\xff\xfe\x00\xd8bad\n")
    with pytest.raises(ReadError, match="line 2"):
        read_pairs((two, two), encoding="utf-8")


def test_sources_are_read_alone(tmp_path: Path) -> None:
    file = tmp_path / "new.txt"
    file.write_text("eins\nzwei\n", "utf-8")
    assert read_sources(str(file)).texts.tolist() == ["eins", "zwei"]  # type: ignore[union-attr]
    assert read_sources("ein Satz").texts.tolist() == ["ein Satz"]  # type: ignore[union-attr]
    assert read_sources({"q": ["x"], "r": ["y"]}, source="r").texts.tolist() == ["y"]  # type: ignore[union-attr]


def test_equal_texts_lie_in_one_part() -> None:
    rng = np.random.default_rng(0)
    pairs = [(f"s{rng.integers(60)}", f"t{place % 90}") for place in range(300)]
    pairs += [(f"only {place}", f"once {place}") for place in range(300)]
    found = read_pairs(pairs)
    parts = divide(found, validation=0.1, test=60, seed=3)
    held = {name: found.take(parts[name]) for name in ("train", "validation", "test")}
    assert sorted(np.concatenate([parts[name] for name in held]).tolist()) == list(range(600))
    for one, two in (("train", "test"), ("train", "validation"), ("validation", "test")):
        for side in ("texts", "labels"):
            assert not set(getattr(held[one], side)) & set(getattr(held[two], side))
    assert len(parts.test) >= 60
    assert divide(found, validation=0, test=60, by="time").test.tolist() == list(range(540, 600))


def test_batches_keep_to_their_budget_and_hold_everything() -> None:
    rng = np.random.default_rng(1)
    lengths = np.stack([rng.integers(1, 40, 500), rng.integers(1, 30, 500)], axis=1)
    budget = Budget(lengths, 200, seed=0)
    assert all(len(places) * lengths[places].max() <= 200 for places in budget.ordered())
    assert sorted(np.concatenate(budget.ordered()).tolist()) == list(range(500))
    one, two = list(budget.epoch(1)), list(budget.epoch(2))
    assert len(one) == len(two) == len(budget)
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(one, two, strict=True))
    np.testing.assert_array_equal(np.concatenate(list(budget.epoch(1, 4))), np.concatenate(one[4:]))


def test_another_encoding_is_told_and_a_bad_byte_among_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    sources, targets = tmp_path / "a.en", tmp_path / "a.zh"
    sources.write_text("today is warm\nthe weather is good\n")
    chinese = "今天的天氣很好，我們一起去。\n這是我的書，不是他的。\n"
    targets.write_bytes(chinese.encode("big5"))
    read = read_pairs((sources, targets))
    assert read.labels is not None
    assert read.labels.tolist() == chinese.split("\n")[:2]
    assert [note.values for note in read.notes] == [{"name": "a.zh", "encoding": "Big5"}]
    targets.write_bytes(chinese.encode().replace("書".encode(), b"\xff"))
    with pytest.raises(ReadError, match=r"a\.zh, line 2: byte 0xff"):
        read_pairs((sources, targets))
