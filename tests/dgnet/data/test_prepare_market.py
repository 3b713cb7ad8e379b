"""The official folders hold what the published ones hold, and nothing that exists is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.data import prepare_market as module
from dgnet.data.datasets import read_dataset
from dgnet.data.prepare_market import prepare_market
from tests.dgnet.data.photographs import MARKET, run_tool, write_market

TOOL = Path(__file__).parents[3] / "tools" / "prepare_market.py"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_official_folders(tmp_path: Path) -> None:
    root = write_market(tmp_path / "market")
    written = prepare_market(root)
    assert written.output == root / "pytorch" and (written.linked, written.copied, written.skipped) == (22, 0, 0)
    assert written.images == {"train_all": 6, "val": 3, "train": 3, "query": 2, "gallery": 5, "multi-query": 3}
    assert files(written.output / "val") == [
        "0002/0002_c12s1_000551_01.png",
        "0007/0007_c2s3_071052_01.JPEG",
        "0010/0010_c6s3_077467_02.jpg",
    ]
    assert files(written.output / "train_all") == sorted(
        files(written.output / "train") + files(written.output / "val")
    )
    assert {path.name for path in (written.output / "gallery").iterdir()} == {"-1", "0000", "0001", "0003"}
    source = root / "query" / MARKET["query"][0]
    assert os.path.samefile(source, written.output / "query" / "0001" / source.name)


def test_both_layouts_are_the_same_data_set(tmp_path: Path) -> None:
    root = write_market(tmp_path / "market")
    published, official = read_dataset(root), read_dataset(prepare_market(root, tmp_path / "other").output)
    assert official.name == "dgnet"
    for split in ("train", "query", "gallery", "multi_query"):
        ours, theirs = (
            sorted((record.path.name, record.identity, record.camera, record.split) for record in getattr(data, split))
            for data in (published, official)
        )
        assert ours == theirs


def test_what_exists_is_not_touched(tmp_path: Path) -> None:
    root = write_market(tmp_path / "market")
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="out: already exists"):
        prepare_market(root, tmp_path / "out")
    assert files(tmp_path / "out") == []


def test_copies_where_links_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_market(tmp_path / "market")
    copy = prepare_market(root, tmp_path / "copies", copy=True)

    def refuse(source: Path, target: Path) -> None:
        raise OSError(module.NO_LINK[0], "another file system", str(source))

    monkeypatch.setattr(module.os, "link", refuse)
    fallback = prepare_market(root, tmp_path / "fallback")
    for written in (copy, fallback):
        assert (written.linked, written.copied) == (0, 22)
    source = root / "query" / MARKET["query"][0]
    copied = copy.output / "query" / "0001" / source.name
    assert copied.read_bytes() == source.read_bytes() and not os.path.samefile(source, copied)


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_market(tmp_path / "market")
    calls = []

    def full(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 5:
            raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(module.os, "link", full)
    with pytest.raises(OSError, match="No space left"):
        prepare_market(root, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["market"]


def test_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_market(tmp_path / "market")
    assert run_tool(TOOL, ["--data", root], monkeypatch) == 0
    assert "22 links, 0 copies" in capsys.readouterr().out
    assert run_tool(TOOL, ["--data", root], monkeypatch) == 2
    assert "pytorch: already exists" in capsys.readouterr().err


@pytest.mark.slow
def test_the_tool_runs_from_a_clone(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, TOOL, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--output" in done.stdout, done.stderr
