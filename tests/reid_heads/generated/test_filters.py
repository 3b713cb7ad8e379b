"""The quality filter: thresholds, best shares, what is dropped and what cannot be filtered."""

from pathlib import Path
from typing import Any

import pytest

from dgnet.core.errors import UserError
from dgnet.core.settings import override_settings
from dgnet.data.readers.generated import GeneratedRecord, read_generated
from dgnet.data.records import Dataset
from reid_heads.config import ReIDConfig
from reid_heads.generated.filters import FilterConfig, apply_filters
from reid_heads.generated.sources import StoredImages, open_generated
from tests.dgnet.small_generator import small_generator, store
from tests.messages import mentions
from tests.reid_heads.small_data import generated_folder

pytestmark = pytest.mark.usefixtures("narrow")

SCORED = [
    GeneratedRecord(Path(f"{number}.png"), identity, scores={"identity_consistency": value, "diversity": 1 - value})
    for number, (identity, value) in enumerate([(1, 0.9), (1, 0.2), (1, 0.9), (2, 0.1), (2, 0.05), (3, 0.4)])
]


def kept(*filters: dict[str, Any]) -> tuple[list[str], tuple[str, ...]]:
    found = apply_filters(SCORED, [FilterConfig(**one) for one in filters])
    return [record.path.stem for record in found.records], tuple(map(str, found.counts))


def test_a_threshold() -> None:
    names, dropped = kept({"score": "identity_consistency", "least": 0.4})
    assert names == ["0", "2", "5"]
    assert dropped == ("identity_consistency at least 0.4: 3 of 6 generated images dropped",)


def test_the_best_share_of_each_identity() -> None:
    # Two of three, one of two, one of one; of equal ones the first.
    assert kept({"score": "identity_consistency", "best": 0.5})[0] == ["0", "2", "3", "5"]
    assert kept({"score": "identity_consistency", "best": 1 / 3})[0] == ["0", "3", "5"]
    assert kept({"score": "diversity", "best": 0.01})[0] == ["1", "4", "5"]
    assert kept({"score": "diversity", "best": 1.0})[0] == list("012345")


def test_a_share_that_is_whole_is_not_rounded_up() -> None:
    ten = [GeneratedRecord(Path(f"{n}.png"), 1, scores={"diversity": n / 10}) for n in range(10)]
    assert len(apply_filters(ten, [FilterConfig(score="diversity", best=0.1)]).records) == 1


def test_one_filter_after_another() -> None:
    names, dropped = kept({"score": "identity_consistency", "least": 0.2}, {"score": "diversity", "best": 0.5})
    assert names == ["0", "1", "5"]
    assert [sentence.split(": ")[1] for sentence in dropped] == [
        "2 of 6 generated images dropped",
        "1 of 4 generated images dropped",
    ]


def test_what_cannot_be_filtered() -> None:
    with pytest.raises(UserError, match=mentions("identity_consistency", "0.9")):
        kept({"score": "identity_consistency", "least": 0.95})
    with pytest.raises(UserError, match=mentions("0.png", "so", 6)):
        kept({"score": "realism", "least": 0})
    for wrong in ("{score: diversity}", "{score: diversity, least: 0.1, best: 0.5}"):
        with pytest.raises(UserError, match="either least"):
            override_settings(ReIDConfig(), [f"generated.filters=[{wrong}]"])
    with pytest.raises(UserError, match="score"):
        override_settings(ReIDConfig(), ["generated.filters=[{score: beauty, least: 1}]"])


@pytest.mark.slow
def test_the_images_that_a_head_gets(dataset: Dataset, tmp_path: Path) -> None:
    folder = generated_folder(tmp_path / "made", dataset)
    lines = (folder / "manifest.csv").read_text().splitlines()
    scored = [f"{lines[0]},diversity", *(f"{line},{number}" for number, line in enumerate(lines[1:]))]
    (folder / "manifest.csv").write_text("\n".join(scored))
    filters = "generated.filters=[{score: diversity, least: 10}]"
    config = override_settings(ReIDConfig(), [f"generated.source={folder}", filters])
    images = open_generated(config.generated, dataset)
    assert isinstance(images, StoredImages) and len(images) == len(lines) - 1 - 10
    (count,) = images.filter_counts
    assert count == ("diversity at least 10", 10, len(lines) - 1)
    (folder / "manifest.csv").write_text("\n".join([scored[0], f"{lines[1]},high"]))
    with pytest.raises(UserError, match=mentions("score", "number", 2)):
        read_generated(folder)
    store(tmp_path / "run", small_generator(), 5)
    live = override_settings(ReIDConfig(), [f"generated.source={tmp_path / 'run'}", filters])
    with pytest.raises(UserError, match="swaps while training"):
        open_generated(live.generated, dataset)
