"""Files are written whole or not at all, whoever is killed meanwhile; no reader waits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import neurograph as ng
from neurograph.errors import ConversionError
from neurograph.storage import files

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals, links and locks")

# Writes half of a file, says so, and waits to be killed.
HALF = """
import sys, time
from neurograph.storage.files import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half of")
    stream.flush()
    print("half", flush=True)
    time.sleep(60)
"""
NAMED = "import os; vars(os).pop('O_TMPFILE', None)" + HALF


def killed_halfway(path: Path, code: str = HALF, how: int = signal.SIGTERM) -> None:
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(how)
    assert process.returncode == -how


def named_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system without files that have no name."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name")
@pytest.mark.parametrize("how", [signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)])
@pytest.mark.parametrize("there", [True, False])
def test_a_process_killed_while_it_writes_leaves_nothing(how, there, tmp_path):
    path = tmp_path / "graph.npz"
    if there:
        path.write_bytes(b"precious")
    killed_halfway(path, how=how)
    assert list(tmp_path.iterdir()) == [path] * there
    assert not there or path.read_bytes() == b"precious"


@posix
def test_elsewhere_the_next_one_removes_what_it_left(tmp_path, monkeypatch):
    named_only(monkeypatch)
    path, other = tmp_path / "graph.npz", tmp_path / "graph.npz.other"
    killed_halfway(path, NAMED)
    killed_halfway(other, NAMED)
    mine = tmp_path / ".graph.npz.mine.part"
    mine.write_bytes(b"somebody's own")
    assert len(list(tmp_path.glob(".*.part"))) == 3
    with files.replacing(path) as stream:
        stream.write(b"whole")
        with files.replacing(path) as second:  # what is being written is left alone
            second.write(b"sooner")
        assert path.read_bytes() == b"sooner"
    assert path.read_bytes() == b"whole"
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left[0].startswith(".graph.npz.mine.part")
    assert left[1].startswith(".graph.npz.other.")
    assert left[2:] == ["graph.npz"]


@pytest.mark.parametrize("nameless", [True, False])
@pytest.mark.parametrize("name", ["a", "ä" * 120, "x" * 250])
def test_a_file_is_replaced_whatever_its_name(name, nameless, tmp_path, monkeypatch):
    if not nameless:
        named_only(monkeypatch)
    path = tmp_path / name
    for content in (b"one", b"two"):
        with files.replacing(path) as stream:
            stream.write(content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("nameless", [True, False])
def test_permissions_are_those_of_new_files_or_kept(nameless, tmp_path, monkeypatch):
    if not nameless:
        named_only(monkeypatch)
    path, old = tmp_path / "new", os.umask(0o027)
    try:
        with files.replacing(path):
            pass
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o604)
        with files.replacing(path):
            pass
        assert path.stat().st_mode & 0o777 == 0o604
    finally:
        os.umask(old)


# ---- paths that lead to no file -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["a\0b", "\ud800", b"bytes", 5, None])
def test_what_can_be_no_path_is_named(path):
    graph = ng.models.mlp((2, 1))
    for call in (lambda: ng.save(graph, path), lambda: ng.load(path)):
        with pytest.raises(ConversionError, match="needed a path") as caught:
            call()
        str(caught.value).encode()  # and can be printed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes to name")
def test_no_reader_waits_for_a_pipe_or_reads_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    begun = time.perf_counter()
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/tty"), tmp_path):
        with pytest.raises(OSError), files.reading(path):  # noqa: PT011
            pass
        with pytest.raises(ConversionError, match=r"no ordinary file|directory|No such"):
            ng.load(path)
    assert time.perf_counter() - begun < 1
