"""What is compiled is kept on disk, and a disk that fails is as none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba")

from neurograph.kernels import compiling

SOURCE = """
from neurograph.kernels.compiling import jit

@jit(nogil=True)
def twice(x):
    return 2 * x
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that loads the same module anew, as another process would."""
    # Kept beside the module, wherever the environment would have it.
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    path = tmp_path / "kept.py"
    path.write_text(SOURCE)

    def load() -> Any:
        spec = importlib.util.spec_from_file_location("kept", path)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        sys.modules["kept"] = made
        spec.loader.exec_module(made)
        return made.twice

    yield load
    sys.modules.pop("kept", None)


def hits(function: Any) -> int:
    return sum(function.stats.cache_hits.values())


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_cache_is_made_anew(
    module: Any, tmp_path: Path, ending: str, content: bytes | None
) -> None:
    assert module()(3) == 6
    again = module()
    assert (again(3), hits(again)) == (6, 1)
    (path,) = tmp_path.rglob(f"*.{ending}")
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    damaged = module()
    assert (damaged(3), hits(damaged)) == (6, 0)
    mended = module()
    assert (mended(3), hits(mended)) == (6, 1)


def test_without_room_on_the_disk_it_is_compiled_all_the_same(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert module()(3) == 6


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(*arguments: Any) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(compiling._Cache, "__init__", nowhere)
    assert compiling.jit(nogil=True)(lambda x: 2 * x)(3) == 6
