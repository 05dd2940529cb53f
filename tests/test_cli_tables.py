"""Tables on terminals of every width; piped, they are whole."""

import os
import subprocess
import sys
import unicodedata

import pytest
from click.testing import CliRunner
from tabulate import tabulate

import neurograph as ng
from neurograph.cli import main, tables

COUNT_60 = """\
layer   neurons  parameters    used  connections  dead
------  -------  ----------  ------  -----------  ----
input     1,024           0       0            0     0
C1        4,704         156     156      122,304     0
S2        1,176          12      12        5,880     0
C3        1,600       1,516   1,516      151,600     0
S4          400          32      32        2,000     0
C5          120      48,120  48,120       48,120     0
F6           84      10,164  10,164       10,164     0
output       10           0       0          840     0
------  -------  ----------  ------  -----------  ----
total     9,118      60,000  60,000      340,908     0
(left out here: slots, of which bias, fixed, maps; --json
has all)
parameters: trainable weights as declared; used: those that
a connection uses

why so many, layer by layer: neurograph derive lenet5
"""
COUNT_80 = """\
                                                                      of
                                                                   which
layer       maps  neurons  parameters    used  fixed  connections   bias  dead
------  --------  -------  ----------  ------  -----  -----------  -----  ----
input    1x32x32    1,024           0       0      0            0      0     0
C1       6x28x28    4,704         156     156      0      122,304  4,704     0
S2       6x14x14    1,176          12      12      0        5,880  1,176     0
C3      16x10x10    1,600       1,516   1,516      0      151,600  1,600     0
S4        16x5x5      400          32      32      0        2,000    400     0
C5       120x1x1      120      48,120  48,120      0       48,120    120     0
F6            84       84      10,164  10,164      0       10,164     84     0
output        10       10           0       0    840          840      0     0
------  --------  -------  ----------  ------  -----  -----------  -----  ----
total               9,118      60,000  60,000    840      340,908  8,084     0
(left out here: slots; --json has all)
parameters: trainable weights as declared; used: those that a connection uses

why so many, layer by layer: neurograph derive lenet5
"""
DERIVE_60 = """\
S2: Subsample2d, 6x28x28 -> 6x14x14, 2x2 field, stride 2
  side: (28 - 2) / 2 + 1
    = 14; 14 enumerated
  neurons: 6 maps x 14x14
    = 1,176; 1,176 enumerated
  weights: 6 maps x (1 + 1)
    = 12; 12 enumerated
  uses of coefficient: 14x14 positions x 2x2
    = 784; 784 enumerated
  uses of bias: 14x14 positions
    = 196; 196 enumerated
  connections: 1,176 neurons x (2x2 + 1)
    = 5,880; 5,880 enumerated

6 numbers agree with the enumeration of the graph
"""


def at(width, monkeypatch, *args):
    """Return what a command prints on a terminal of this width."""
    for name, module in list(sys.modules.items()):
        if name.startswith("neurograph.cli") and hasattr(module, "terminal_columns"):
            monkeypatch.setattr(module, "terminal_columns", lambda: width)
    result = CliRunner().invoke(main, [*args])
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result.stdout


def test_count_on_narrow_terminals(monkeypatch):
    assert at(60, monkeypatch, "count", "lenet5") == COUNT_60
    assert at(80, monkeypatch, "count", "lenet5") == COUNT_80
    whole = str(ng.count(ng.models.lenet5()))
    hint = "\n\nwhy so many, layer by layer: neurograph derive lenet5\n"
    assert at(120, monkeypatch, "count", "lenet5") == whole + hint
    assert at(None, monkeypatch, "count", "lenet5") == f"{whole}\n"


def test_derive_on_narrow_terminals(monkeypatch):
    assert at(50, monkeypatch, "derive", "lenet5", "S2") != DERIVE_60
    assert at(60, monkeypatch, "derive", "lenet5", "S2") == DERIVE_60
    wide = at(80, monkeypatch, "derive", "lenet5", "S2")
    assert wide == at(None, monkeypatch, "derive", "lenet5", "S2")
    narrow = at(45, monkeypatch, "derive", "lenet5", "C3")
    assert "  map 15 reads 0, 1, 2, 3, 4, 5" in narrow.splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize(
    "args",
    [
        ["count", "lenet5"],
        ["verify", "lenet5"],
        ["info", "lenet5"],
        ["derive", "lenet5"],
        ["neuron", "lenet5", "C3[0,0,0]"],
        ["neuron", "lenet5", "output[7]", "--digit", "0"],
        ["weight", "lenet5", "C1.kernel[0,0,2,2]"],
        ["run", "lenet5", "--engine", "scipy", "--count", "3"],
    ],
    ids=" ".join,
)
def test_nothing_is_wider_than_the_terminal(args, width, monkeypatch):
    lines = at(width, monkeypatch, *args).splitlines()
    wider = [line for line in lines if len(line) > width and " " in line.strip()]
    assert wider == []


def test_run_names_the_best_where_ten_columns_do_not_fit(monkeypatch):
    args = ["run", "lenet5", "--engine", "scipy", "--count", "1"]
    assert "  7: 2.071, 3: 116.7, 1: 129.8\n" in at(60, monkeypatch, *args)
    assert "why, term by term: neurograph neuron lenet5 'output[7]' --digit 0\n" in at(
        80, monkeypatch, *args
    )
    assert "best outputs" not in at(120, monkeypatch, *args)
    shaped = ["run", "lenet5", "--seed", "3", "--engine", "scipy", "--count", "1"]
    assert at(120, monkeypatch, *shaped).endswith("--digit 0 --seed 3\n")


def test_whole_tables_are_tabulate_s():
    head, rows = ["name", "of which", "n"], [["a", "1,000", "2"], ["bcdefghijk", "", "3\n44"]]
    known = tabulate(
        rows, head, tablefmt="simple", colalign=["left", "right", "right"], disable_numparse=True
    )
    assert tables.table(head, rows) == known


def test_columns_line_up_where_letters_are_wide_or_combine():
    rows = [["層", "1"], ["e\u0301té", "22"], ["plain", "333"]]
    lines = tables.table(["layer", "n"], rows).splitlines()
    widths = [
        sum(
            2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c)
            for c in x
        )
        for x in lines
    ]
    assert set(widths) == {12}


def test_a_table_that_no_dropping_saves_is_stacked(monkeypatch):
    monkeypatch.setattr(tables, "terminal_columns", lambda: 16)
    found = tables.table(["layer", "neurons"], [["a_long_name", "1,000,000"]])
    assert found == "layer\na_long_name\n  neurons  1,000,000"


def test_lines_break_between_words():
    assert tables.wrapped("  one two three", 9) == ["  one two", "  three"]
    assert tables.wrapped("unbreakable", 5) == ["unbreakable"]
    assert tables.wrapped("", 5) == [""]


@pytest.mark.skipif(os.name == "nt", reason="POSIX terminals")
def test_the_width_of_a_real_terminal():
    import fcntl
    import struct
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "neurograph", "count", "lenet5"]
    done = subprocess.run(command, stdout=theirs, check=False, timeout=120, env=environment)
    os.close(theirs)
    text = os.read(ours, 1 << 16).decode().replace("\r\n", "\n")
    os.close(ours)
    assert (done.returncode, text) == (0, COUNT_60)
