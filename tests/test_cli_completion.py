"""What the Tab key offers, asked for as the shells ask."""

import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main


def offered(line: str, shell: str = "bash") -> list[str]:
    """Return the values offered for the last word of a command line, by click's protocol."""
    words = f"neurograph {line}".split(" ")
    last = words[-1] if shell == "fish" else str(len(words) - 1)
    variables = {"_NEUROGRAPH_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(words)}
    result = CliRunner().invoke(
        main, [], env={**variables, "COMP_CWORD": last}, prog_name="neurograph"
    )
    assert result.exit_code == 0, result.exception
    if shell == "zsh":
        return result.stdout.splitlines()[1::3]
    return [entry.partition(",")[2] for entry in result.stdout.splitlines() if entry]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An own directory with one saved model."""
    monkeypatch.chdir(tmp_path)
    ng.save(ng.models.mlp((3, 2)), "lens.npz")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_models_and_files(shell):
    assert offered("ve", shell)[0].split("\t")[0] == "verify"
    assert offered("count le", shell) == ["lenet5", "lenet5_modern", "lens.npz"]
    assert offered("neuron lenet5 C", shell) == ["C1[", "C3[", "C5["]


def test_any_other_beginning_is_a_file():
    assert offered("count ./") == ["./"]
    assert offered("run lenet5 --images x") == ["x"]
    assert offered("save mlp o") == ["o"]


def test_names_an_index_at_a_time():
    assert offered("neuron lenet5 C1[") == [f"C1[{o}," for o in range(6)]
    assert offered("neuron lenet5 C1[2,") == [f"C1[2,{y}," for y in range(28)]
    assert offered("neuron lenet5 C1[2,1")[:2] == ["C1[2,1,", "C1[2,10,"]
    assert offered("neuron lenet5 C1[2,10,2")[0] == "C1[2,10,2]"
    assert offered("neuron lenet5 C5[77") == ["C5[77,0,0]"]
    assert offered("neuron lenet5 output")[:2] == ["output[0]", "output[1]"]
    assert offered("neuron lens.npz o") == ["output[0]", "output[1]"]
    assert offered("neuron mlp --sizes 4,3 o") == [f"output[{i}]" for i in range(3)]


def test_names_of_neurons_own():
    graph = ng.models.mlp((3, 2))
    graph.label("output", ["cat", "cow"])
    ng.save(graph, "named.npz")
    assert offered("neuron named.npz c") == ["cat", "cow"]
    assert offered("neuron named.npz ca") == ["cat"]
    assert "cat" in offered("neuron named.npz ")


def test_weights_that_a_table_leaves_out_are_not_offered():
    assert offered("weight lenet5 C3.k") == [f"C3.kernel[{o}," for o in range(16)]
    assert offered("weight lenet5 C3.kernel[0,") == [f"C3.kernel[0,{i}," for i in (0, 1, 2)]
    assert offered("weight lenet5 C1.b") == [f"C1.bias[{o}]" for o in range(6)]


def test_every_name_offered_in_the_end_exists():
    graph = ng.models.lenet5()
    for name in offered("weight lenet5 C3.kernel[4,0,3,"):
        assert graph.weight_id(name) >= 0
    for name in offered("neuron lenet5 S2[5,13,"):
        assert graph.neuron_id(name) >= 0


def test_layers_and_numbers():
    assert offered("derive lenet5 C") == ["C1", "C3", "C5"]
    assert offered("count lenet5 --expect conn") == ["connections="]
    assert "C3.connections=" in offered("count lenet5 --expect C3.")


def test_nonsense_offers_nothing():
    assert offered("neuron no-such-model C") == []
    assert offered("neuron lenet5 C1[9,") == []
    assert offered("neuron lenet5 C1[x,") == []
    assert offered("neuron lenet5 C1[0,0,0,") == []
    assert offered("neuron mlp --sizes 4,x o") == offered("neuron mlp o")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_that_switch_it_on(shell):
    result = CliRunner().invoke(
        main, [], env={"_NEUROGRAPH_COMPLETE": f"{shell}_source"}, prog_name="neurograph"
    )
    assert result.exit_code == 0
    assert "_NEUROGRAPH_COMPLETE" in result.stdout
    assert f"_NEUROGRAPH_COMPLETE={shell}_source neurograph" in CliRunner().invoke(main, []).stdout
