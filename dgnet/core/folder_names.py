"""Names of files and folders: what can name a run, and what says that it is no image, or no person."""

import os
import re

_LONGEST_NAME = 200  # bytes: systems allow 255, and others are made of it (NAME_teacher, NAME.old_1)

# Of Windows, macOS, Linux, and the file servers of Synology, QNAP and NetApp; what begins with a dot belongs to them.
_LEFTOVERS = {
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@tmp",
    "__macosx",
    "__pycache__",
    "desktop.ini",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "found.000",
    "icon\r",
    "lost+found",
    "network trash folder",
    "recycled",
    "recycler",
    "system volume information",
    "temporary items",
    "thumbs.db",
    "~snapshot",
}
# What our own programs write beside images: galleries of films, generated sets, built-in pedestrians.
_OWN_TABLES = {"people.csv", "boxes.txt", "times.txt", "source.json", "set.json", "manifest.csv", "synthetic.json"}
# Of Market-1501, MSMT17, CUHK03, VeRi-776, MARS, VIPeR, SYSU-MM01, RegDB, Occluded-REID and the official DG-Net, what
# people call their own, and what programs write beside images.
_SPLIT = re.compile(
    r"(train|training|test|testing|val|valid|validation|trainval|quer(y|ies)|probes?|gallery|galleries|multi[-_ ]?query"
    r"|distractors?|images?|imgs?|pictures|photos|pytorch|detected|labell?ed|unlabell?ed|splits?|junk|background"
    r"|rgb|n?ir|visible|thermal|infrared|depth|masks?|annotations?|labels?|features?|attributes?"
    r"|generated|augmented|outputs?|results?|figures?|samples?|docs?|logs?|checkpoints?|weights|backup|te?mp)"
    r"([-_ .].*|[0-9]?)"
    r"|(bounding_box|bbox|gt|mask|image|img|cam)_.*|cam(era)?[-_ ]?([0-9]+|[a-z])|(new|untitled) folder.*"
    r"|.*[-_ ](train|training|test|testing|val|validation|query|gallery)|(occluded|partial|whole)_body_images",
    re.IGNORECASE,
)


def plain_folder_name(name: str) -> str:
    """`name` where it can name a run's folder. `ValueError` otherwise."""
    if name in ("", ".", "..") or name != name.strip() or not name.isprintable() or "/" in name or "\\" in name:
        raise ValueError("must be a plain folder name")
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise ValueError(f"must be a folder name of at most {_LONGEST_NAME} bytes")
    return name


def printable(text: str) -> str:
    r"""A text in which bytes of file names that are no UTF-8 are escaped, for files that are UTF-8.

    >>> print(printable(b"people\xff.jpg".decode("utf-8", "surrogateescape")))
    people\udcff.jpg
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    r"""A text whose line ends are escaped: names of files may have some.

    >>> print(one_line("amy\nsmith.jpg"))
    amy\nsmith.jpg
    """
    return text.replace("\n", "\\n").replace("\r", "\\r")


def is_leftover(name: str) -> bool:
    """Whether an operating system, a file server or a program keeps its own files under this name, never a user's.

    >>> [is_leftover(name) for name in (".DS_Store", "._0002_c1s1.jpg", "@eaDir", "Thumbs.db", "0002", "__init__")]
    [True, True, True, True, False, False]
    """
    return name.startswith(".") or name.casefold() in _LEFTOVERS or name.casefold().endswith(":zone.identifier")


def is_own_table(name: str) -> bool:
    """Whether a program of ours writes a table of this name beside the images that it makes.

    >>> [is_own_table(name) for name in ("people.csv", "boxes.txt", "labels.csv")]
    [True, True, False]
    """
    return name in _OWN_TABLES


def is_split(name: str) -> bool:
    """Whether a folder of this name holds a part of a data set, or what belongs to one, and is nobody's identity.

    >>> [is_split(name) for name in ("query", "bounding_box_test", "image_train", "Train", "cam1", "results")]
    [True, True, True, True, True, True]
    >>> [is_split(name) for name in ("0002", "person_0002", "tester", "amy", "camilla")]
    [False, False, False, False, False]
    """
    return _SPLIT.fullmatch(name) is not None
