"""The benchmark of the search at a tiny size."""

import argparse

import pytest
import torch

from eval.reid import gallery_search
from tools.benchmarks import search


def test_a_tiny_gallery_gives_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = argparse.ArgumentParser()
    search.add_parser(parser.add_subparsers(dest="kind"))
    words = ("--query", "12", "--gallery", "700", "--features", "16", "--top", "5", "--threads", "1", "--rounds", "2")
    monkeypatch.setattr(search, "PART", 256)
    monkeypatch.setattr(gallery_search, "PART", 256)
    result = search.run(parser.parse_args(["search", *words]))
    assert result["equal_to_exact"] is True
    assert result["processor_seconds"]["search"] >= 0 and result["share_of_product"] > 0
    assert (result["query"], result["gallery"], result["features"]) == (12, 700, 16)
    assert torch.get_num_threads() == 1
