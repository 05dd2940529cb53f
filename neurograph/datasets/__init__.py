"""Data sets: handwritten digits, carried in the package or read from files; own pictures.

Imports nothing of networks; `data/` holds what the package carries.
"""

from neurograph.datasets.class_folders import ClassFolders, class_folders
from neurograph.datasets.crops import center_crops, crops_of
from neurograph.datasets.handwritten import Digits, digits, grey_levels, mnist, normalize
from neurograph.datasets.idx import read_idx
from neurograph.datasets.opening import is_picture
from neurograph.datasets.picture_files import (
    Pictures,
    dark_on_light,
    pictures,
    resize,
)

__all__ = [
    "ClassFolders",
    "Digits",
    "Pictures",
    "center_crops",
    "class_folders",
    "crops_of",
    "dark_on_light",
    "digits",
    "grey_levels",
    "is_picture",
    "mnist",
    "normalize",
    "pictures",
    "read_idx",
    "resize",
]
