"""What several tools take is called alike in all of them; the originals' own words stay where their users know them."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of the benchmarks `--batch` is that of a training step.
ELSEWHERE = {
    "--gpu": "--device",
    "--batch": "--batch-size",
    "--batch_size": "--batch-size",
    "--out": "--output or --to",
}
ALLOWED = {("benchmarks/step.py", "--batch"), ("benchmarks/heads.py", "--batch")}


def options() -> list[tuple[str, str]]:
    """(file, option) of every option in tools/ and visual/."""
    found = []
    for folder in ("tools", "visual"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                    names = [one.value for one in node.args if isinstance(one, ast.Constant)]
                    found += [(path.relative_to(ROOT / folder).as_posix(), name) for name in names]
    return found


def test_one_name_for_one_thing() -> None:
    found = options()
    assert len(found) > 150
    others = [(file, name) for file, name in found if name in ELSEWHERE and (file, name) not in ALLOWED]
    assert not others, [f"{file}: {name} is called {ELSEWHERE[name]} here" for file, name in others]
