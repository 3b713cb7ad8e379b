"""How much of each room's code the tests ran, from the `.coverage` of `make coverage`: lines, and per cent of them.

Files of which they ran little follow.
"""

from collections import defaultdict
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
LITTLE = 60  # per cent


def is_python(file: str) -> bool:
    """Templates of pages are measured, too, and are no Python."""
    return file.endswith(".py")


def main() -> None:
    coverage = Coverage(data_file=ROOT / ".coverage")
    coverage.load()
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    files: list[tuple[float, str]] = []
    for file in filter(is_python, coverage.get_data().measured_files()):
        _, lines, _, missing, _ = coverage.analysis2(file)
        path = Path(file).relative_to(ROOT)
        for room in ("/".join(path.parent.parts[:2]), "all"):
            rooms[room][0] += len(lines)
            rooms[room][1] += len(lines) - len(missing)
        files.append((per_cent(len(lines), len(lines) - len(missing)), str(path)))
    for room, (lines, ran) in sorted(rooms.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"{room:24}{lines:7,} lines{per_cent(lines, ran):8.1f} %")
    print(f"\nFiles below {LITTLE} %:")
    for share, name in sorted(files):
        if share < LITTLE:
            print(f"{share:6.1f} %  {name}")


def per_cent(lines: int, ran: int) -> float:
    return 100 * ran / lines if lines else 100.0


if __name__ == "__main__":
    main()
