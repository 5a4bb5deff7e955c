"""The command that says what fits."""

import json

import pytest

from engine.__main__ import main


def test_what_fits_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["budget", "--model", "resnet8", "--model", "{kind: vgg11, width: 0.25}", "--device", "stm32g0b1"]
    assert main([*words, "--ram", "256 KiB", "--flash", "1 MiB"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["resnet8:", "yours", "stm32g0b1", "vgg11", "yours", "stm32g0b1"]
    assert lines[0] == "resnet8: 78,186 parameters"
    assert lines[1].split("  ")[-1] == "int4 fits" or lines[1].endswith("int4 fits")
    assert "fp32 no, lacks 78.2 kB memory" in lines[2]
    assert "int8 fits, 1.5 s, 29.9 mJ" in lines[2]
    assert lines[3].startswith("vgg11 width=0.25: ")


def test_columns_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["budget", "--model", "{kind: resnet18, width: 0.25}", "--model", "mlp", "--device", "stm32g0b1"]
    assert main([*words, "--device", "arduino_nano33_ble", "--ram", "16 KiB", "--flash", "64 KiB"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert any("flash" in row and "memory" in row for row in rows), "the widest kind of cell is among them"
    assert len({tuple(row.index(name) for name in ("fp32", "int8", "int4")) for row in rows}) == 1, rows


def test_what_fits_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "--dataset", "mnist", "--ram", "1.5MB", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["dataset"]["kind"] == "mnist"
    kinds = [one["model"]["kind"] for one in tree["models"]]
    assert {"mlp", "resnet18", "vgg11", "mobilenet"} <= set(kinds)
    assert "char_lstm" not in kinds
    rows = tree["models"][0]["rows"]
    assert [row["precision"] for row in rows] == ["fp32", "int8", "int4"]
    assert {row["ram_available"] for row in rows} == {1_500_000}
    assert {row["flash_available"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "resnt8", "--device", "foo"], ["2 problems", "did you mean 'resnet8'", "'foo' is no device"]),
        (["--model", "char_lstm"], ["char_lstm", "image"]),
        (["--dataset", "nowhere"], ["nowhere"]),
        (["--ram", "much"], ["a size is a number with B, kB", "'much' was given"]),
        (["--model", "[1"], ["line 1"]),
        (["--model", "3"], ["models.0"]),
    ],
)
def test_what_cannot_be_asked(words: list[str], said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", *words]) == 2
    told = capsys.readouterr().err
    assert all(text in told for text in said), told
