"""`tidegate generate`: text as it comes, several, chosen, for machines, into a file; and what cannot be."""

import io
import json
from pathlib import Path

import pytest

import tidegate as tg
from tests.tasks.language.corpora import QUICK, chain
from tidegate.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("language")
    (folder / "corpus.txt").write_text(chain(900), "utf-8")
    model = tg.LanguageModel(**{**QUICK, "max_epochs": 2})
    model.fit(str(folder / "corpus.txt"), out=folder / "run", progress=False)
    return str(folder / "run")


def test_a_text_streams_and_is_that_of_python(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", run, "-p", "the ", "--length", "40", "--seed", "3", "--temperature", "0.9"]) == 0
    expected = tg.load(run).generate("the ", length=40, seed=3, temperature=0.9)[0].text
    assert capsys.readouterr().out == f"{expected}\n"


def test_several_and_for_machines_and_into_a_file(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", run, "--count", "2", "--length", "20"]) == 0
    assert capsys.readouterr().out.count("--- ") == 2
    assert main(["generate", run, "--length", "20", "--stop", "zzz", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["tokens"] == 20
    place = tmp_path / "text.txt"
    assert main(["generate", run, "-p", "a", "--length", "10", "-o", str(place), "--copies"]) == 0
    assert len(place.read_text("utf-8")) == 11
    assert "stands in the training text" in capsys.readouterr().err


def test_a_reader_chooses(run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n1\n\n"))
    assert main(["generate", run, "-p", "the ", "--choose", "3", "--length", "8"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("[3]") == 3
    assert len(printed.rsplit("? ", 1)[-1].rstrip("\n")) <= 4 + 16


def test_an_interruption_is_clean(
    run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tidegate.runtime.language.generate.Generation._grow", interrupt)
    assert main(["generate", run, "-p", "the "]) == 130
    printed = capsys.readouterr()
    assert printed.out.startswith("the ")
    assert "Traceback" not in printed.err


def test_what_cannot_be_is_said(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", run, "-p", "the é"]) == 2
    assert "from character 5: 'é'" in capsys.readouterr().err
    assert main(["generate", run, "--top-p", "3"]) == 2
    assert "top_p" in capsys.readouterr().err


def test_lines_are_texts_and_the_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text(chain(900), "utf-8")
    words = ["fit", "generate", str(names), "--each", "line", "--out", str(tmp_path / "run"), "--max-epochs", "1"]
    assert main([*words, "--hidden-size", "8", "-q"]) == 0
    model = tg.open_run(tmp_path / "run")
    assert model.fitted_.several
    assert model.reading_["each"] == "line"
    assert (tmp_path / "run" / "report.html").exists()
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), "--dynamic"]) == 0
    assert "adapting" in capsys.readouterr().out
