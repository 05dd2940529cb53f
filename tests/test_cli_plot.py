"""The command plot: a picture in a file, or one line on what it needs."""

import pytest
from click.testing import CliRunner

from neurograph.cli import main

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


COMMANDS = {
    "table": ("--layer", "C3"),
    "field": ("--neuron", "C3[0, 2, 3]", "--digit", "3"),
    "maps": ("--digit", "3"),
    "codes": (),
    "overview": (),
}
BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def command(*args):
    return CliRunner().invoke(main, ["plot", *map(str, args)])


@pytest.mark.parametrize(("picture", "kind"), list(zip(COMMANDS, [*BEGINS, *BEGINS], strict=False)))
def test_the_command_writes_a_file(picture, kind, tmp_path):
    path = tmp_path / f"x.{kind}"
    result = command(picture, "lenet5", *COMMANDS[picture], "--out", path)
    assert result.exit_code == 0, result.stderr
    assert path.read_bytes().startswith(BEGINS[kind])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("table", "lenet5", "--out", "x.png"), "plot table needs --layer"),
        (("maps", "lenet5", "--out", "x.png"), "plot maps needs --digit"),
        (("overview", "lenet5", "--out", "x.jpg"), "needed a name that ends in .png, .svg, .pdf"),
        (("overview", "lenet5", "--out", "x.png", "--digit", "1"), "plot overview has no --digit"),
        (("table", "lenet5", "--out", "x.png", "--layer", "C2"), "did you mean"),
        (("maps", "lenet5", "--out", "x.png", "--digit", "400"), "digits 0 to 399"),
    ],
)
def test_what_the_command_cannot_draw(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
