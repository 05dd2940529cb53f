"""What networkx is told about the backend `neurograph` when it is imported.

Installed, it is the module `_neurograph_networkx`, outside the package: networkx reads it
whenever it is imported, and must not import neurograph by that. Nothing else is imported here.
"""

from typing import Any

# The functions that run on ids; all others see the graph converted.
_FUNCTIONS = {
    "adjacency_matrix": "The values of the weights, or with weight=None how many connections.",
    "ancestors": "Through live connections only.",
    "dag_longest_path": "Where edges count alike: weight=None.",
    "dag_longest_path_length": "Where edges count alike: weight=None.",
    "degree_centrality": "Every connection counts, biases too.",
    "descendants": "Through live connections only.",
    "has_path": "Through live connections only.",
    "in_degree_centrality": "Every connection counts, biases too.",
    "incidence_matrix": "Of all connections, an edge a column.",
    "is_directed_acyclic_graph": "",
    "is_isolate": "",
    "is_weakly_connected": "A bias unit joins whatever it feeds.",
    "isolates": "",
    "number_of_isolates": "",
    "number_weakly_connected_components": "A bias unit joins whatever it feeds.",
    "out_degree_centrality": "Every connection counts, biases too.",
    "to_scipy_sparse_array": "The values of the weights, or with weight=None how many connections.",
    "topological_generations": "Generations hold their nodes in the order of their ids.",
    "topological_sort": "Generation by generation, in the order of ids.",
    "weakly_connected_components": "A bias unit joins whatever it feeds.",
}


def get_info() -> dict[str, Any]:
    """Return the backend's name and functions, as networkx asks for them."""
    return {
        "backend_name": "neurograph",
        "project": "neurograph-cnn",
        "package": "neurograph",
        "short_summary": "Networks of neurons in normal form, neurons as nodes.",
        "functions": {name: {"additional_docs": said} for name, said in _FUNCTIONS.items()},
    }
