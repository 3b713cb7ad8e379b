"""How much of each room's code the tests ran, from the `.coverage` of `make coverage`: lines, and per cent of them."""

from collections import defaultdict
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]


def is_python(file: str) -> bool:
    """Templates of pages are measured, too, and are no Python."""
    return file.endswith(".py")


def main() -> None:
    coverage = Coverage(data_file=ROOT / ".coverage")
    coverage.load()
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file in filter(is_python, coverage.get_data().measured_files()):
        _, lines, _, missing, _ = coverage.analysis2(file)
        folder = Path(file).relative_to(ROOT).parent
        for room in ("/".join(folder.parts[:2]), "all"):
            rooms[room][0] += len(lines)
            rooms[room][1] += len(lines) - len(missing)
    for room, (lines, ran) in sorted(rooms.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"{room:24}{lines:7,} lines{100 * ran / max(1, lines):8.1f} %")


if __name__ == "__main__":
    main()
