"""The facade: exactly these names, each documented, and nothing slow imported with them."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import types
from pathlib import Path

import pytest

import neurograph as ng

SLOW = ("torch", "numba", "matplotlib", "networkx", "scipy.sparse", "onnx", "tabulate", "tqdm")
LAZY = sorted(ng._LAZY)


def exported() -> set[str]:
    """Return what `__init__` imports by name from its own modules."""
    tree = ast.parse(Path(ng.__file__).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neurograph")
        for alias in node.names
    }


def test_all_is_exact_and_sorted() -> None:
    assert set(ng.__all__) - set(ng._LAZY) == exported()
    assert len(set(ng.__all__)) == len(ng.__all__)

    # as ruff sorts them: constants, classes, functions and modules
    def rank(name: str) -> tuple[bool, bool, str]:
        return not name.isupper(), not name[0].isupper(), name

    assert list(ng.__all__) == sorted(ng.__all__, key=rank)
    assert dir(ng) == sorted(ng.__all__)


def test_star_import_brings_exactly_all() -> None:
    found: dict[str, object] = {}
    exec("from neurograph import *", found)  # a constant, nothing a user hands in
    found.pop("__builtins__")
    assert sorted(found) == sorted(ng.__all__)


@pytest.mark.parametrize("name", ng.__all__)
def test_every_name_is_documented(name: str) -> None:
    thing = getattr(ng, name)
    document = inspect.getdoc(thing) or ""
    summary = document.splitlines()[0]
    assert not document.startswith(f"{name}("), "a dataclass without a docstring of its own"
    assert summary.rstrip(":").endswith((".", "?", ":")) or len(document) > 200, summary
    if not inspect.isclass(thing):
        return
    for member, value in vars(thing).items():
        if not member.startswith("_") and (inspect.isroutine(value) or hasattr(value, "fget")):
            assert inspect.getdoc(getattr(thing, member)), f"{name}.{member} has no docstring"


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in ng.__all__
        if not isinstance(getattr(ng, name), types.ModuleType)
        and not (inspect.isclass(getattr(ng, name)) and issubclass(getattr(ng, name), Exception))
    ],
)
def test_every_function_and_class_has_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(getattr(ng, name)) or "")


def run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_imports_nothing_slow() -> None:
    code = f"import sys, neurograph; print([m for m in {SLOW} if m in sys.modules])"
    assert run(code) == "[]"


def test_counting_needs_nothing_slow_either() -> None:
    code = (
        "import sys, neurograph as ng; "
        "print(ng.count(ng.models.lenet5()).total.connections, "
        f"[m for m in {SLOW} if m in sys.modules])"
    )
    assert run(code) == "340908 []"


def test_importing_makes_no_noise_and_needs_no_working_directory(tmp_path: Path) -> None:
    root = str(Path(ng.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r}); import neurograph"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert result.stdout == result.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", LAZY)
def test_lazy_names_come_from_their_modules(name: str) -> None:
    pytest.importorskip("torch")
    assert getattr(ng, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'neurograph' has no attribute 'lenet5'"):
        ng.lenet5  # noqa: B018


def test_errors_are_the_librarys_and_a_builtin_at_once() -> None:
    builtin = {
        ng.GraphError: ValueError,
        ng.ConversionError: ValueError,
        ng.DataError: ValueError,
        ng.EngineError: RuntimeError,
        ng.MissingDependency: ImportError,
    }
    for error, base in builtin.items():
        assert issubclass(error, ng.NeurographError)
        assert issubclass(error, base)


def test_the_nearest_names_are_suggested() -> None:
    from neurograph.errors import suggestion

    assert suggestion("C2", ["C1", "C3", "F6"]) == "; did you mean C3, C1?"
    assert suggestion("zzz", ["C1", "C3"]) == "; there are C1, C3"
    assert suggestion("zzz", [f"C{i}" for i in range(20)]).endswith("C10, C11, ...")
    assert suggestion("zzz", []) == ""


def test_what_is_missing_is_installed_by_a_command_for_a_clone():
    """The project is on no index: neither its name nor the package's would install it."""
    import re
    import tomllib
    from pathlib import Path

    from neurograph.errors import missing

    root = Path(ng.__file__).parents[1]
    with (root / "pyproject.toml").open("rb") as stream:
        extras = tomllib.load(stream)["project"]["optional-dependencies"]
    for path in (root / "neurograph").rglob("*.py"):
        text = path.read_text()
        assert "neurograph-cnn[" not in text, path
        for extra in re.findall(r'missing\([^)]*"(\w+)"\s*\)', text):
            assert extra in extras, path
    assert "pip install '.[fast]'" in str(missing("x", "numba", "fast"))


# What a user of an earlier commit may have written; a name that goes is deprecated first.
PROMISED = """
RBF SGD Activation Adam Add AvgPool2d BatchNorm2d Connections Conv2d ConvTranspose2d
ConversionError CorrectPenalty Counts CrossEntropy DataError DiscriminativePenalty
Distortion EngineError Explanation Function Gradient Graph GraphError History Input Layer
Linear MaxPool2d MeanSquaredError MissingDependency Multiply NeurographError Program Row
Simulator Sparse States StochasticDiagonalLM Subsample2d TrainingError Verification compile
cone count cut datasets drop_dead error_rate explain fit from_networkx load models
projective_field prune receptive_field save subgraph tie to_networkx unshare verify
"""


def test_no_public_name_is_lost():
    assert set(PROMISED.split()) <= set(ng.__all__)
