"""Everything that tidegate says can be read in Traditional Chinese as Taiwan writes it."""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.architecture.messages import messages, places
from tests.architecture.support import PACKAGE, ROOT, run_python

CATALOGUES = sorted((PACKAGE / "core" / "locale" / "zh_TW").glob("*.json"))
SOURCES = sorted(PACKAGE.rglob("*.py"))
# Words that Taiwan says differently.
ELSEWHERE = {
    "信息": "訊息 or 資訊",
    "默認": "預設",
    "視頻": "影片",
    "軟件": "軟體",
    "硬件": "硬體",
    "文件夾": "資料夾",
    "命令行": "命令列",
    "網絡": "網路",
    "數據": "資料",
    "質量": "品質",
    "加載": "載入",
    "服務器": "伺服器",
    "內存": "記憶體",
    "線程": "執行緒",
    "進程": "行程",
    "字符": "字元",
    "變量": "變數",
    "接口": "介面",
    "打印": "印出",
    "調用": "呼叫",
    "緩存": "快取",
    "概率": "機率",
    "置信": "信賴",
    "魯棒": "穩健",
}


def chinese_texts() -> list[tuple[str, str]]:
    """Where and what of every Chinese text of the project: catalogues and pages."""
    texts = [(path.name, text) for path in CATALOGUES for text in json.loads(path.read_text("utf-8")).values()]
    pages = [ROOT / "README.zh-TW.md", *sorted((ROOT / "docs" / "zh-TW").rglob("*.md"))]
    return texts + [(str(page.relative_to(ROOT)), page.read_text("utf-8")) for page in pages]


def help_texts() -> set[str]:
    """What the help of every command says of its options, in English."""
    code = """
import json
from typer.main import get_command
from tidegate.cli.main import build
def walk(command):
    yield from (option.help for option in command.params if getattr(option, "help", None) and not option.hidden)
    for below in getattr(command, "commands", {}).values():
        yield from walk(below)
print(json.dumps([*walk(get_command(build()))]))
"""
    found = json.loads(run_python(code, TIDEGATE_LANG="en"))
    return {text.removesuffix(" May be given more than once.") for text in found}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_message_is_translated(source: Path) -> None:
    known = {text for path in CATALOGUES for text in json.loads(path.read_text("utf-8"))}
    found = messages(source, str(source.relative_to(ROOT)))
    assert [item.where for item in found if item.text is None] == []
    assert [f"{item.where}: {item.text}" for item in found if item.text is not None and item.text not in known] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_translation_has_the_places_of_its_message(path: Path) -> None:
    for message, text in json.loads(path.read_text("utf-8")).items():
        assert places(text) == places(message), message
        assert text.strip(), message


def test_a_message_has_one_translation() -> None:
    translations: dict[str, set[str]] = defaultdict(set)
    for path in CATALOGUES:
        pairs = json.loads(path.read_text("utf-8"), object_pairs_hook=list)
        assert len(pairs) == len(dict(pairs)), f"{path.name} has a message twice"
        for message, text in pairs:
            translations[message].add(text)
    assert {message: texts for message, texts in translations.items() if len(texts) > 1} == {}


def test_every_help_is_translated() -> None:
    known = {text for path in CATALOGUES for text in json.loads(path.read_text("utf-8"))}
    assert {text for text in help_texts() if "|" not in text} <= known | {"Show this message and exit."}


def test_no_translation_is_left_over() -> None:
    literals = {
        node.value
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    literals |= help_texts()  # out of docstrings
    left = [
        f"{path.name}: {text}"
        for path in CATALOGUES
        for text in json.loads(path.read_text("utf-8"))
        if text not in literals
    ]
    assert left == []


def test_chinese_is_written_with_traditional_characters() -> None:
    """Big5 is what Taiwan wrote before Unicode: a Chinese character it cannot hold is a simplified one."""
    for where, text in chinese_texts():
        han = {character for character in text if "\u4e00" <= character <= "\u9fff"}
        assert {character for character in han if not _in_big5(character)} == set(), where


def test_words_are_those_of_taiwan() -> None:
    for where, text in chinese_texts():
        assert {word: better for word, better in ELSEWHERE.items() if word in text} == {}, where


def test_chinese_paragraphs_are_not_broken_into_lines() -> None:
    """A browser shows a line break inside a Chinese sentence as a gap."""
    broken = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]\n(?=[\u4e00-\u9fff`\[])")
    for where, text in chinese_texts():
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        assert [prose[hit.start() - 10 : hit.end() + 10] for hit in broken.finditer(prose)] == [], where


def _in_big5(character: str) -> bool:
    try:
        character.encode("big5")
    except UnicodeEncodeError:
        return False
    return True
