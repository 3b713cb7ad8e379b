"""The section `data`: which images, and what is done to them."""

from pathlib import Path

from pydantic import Field

from dgnet.core.section import Section


class SyntheticConfig(Section):
    """Size of the built-in pedestrians, which are rendered at `data.root` if they do not exist."""

    seed: int = 0
    train_identities: int = Field(100, ge=2)
    test_identities: int = Field(50, ge=0)
    images_per_identity: int = Field(12, ge=2)


class DataConfig(Section):
    """Which images, at which size in pixels, with which augmentation (`flip` and `erasing` are probabilities).

    `layout`: "auto", "synthetic" (the built-in pedestrians) or one that `dgnet.data.datasets` reads.
    """

    layout: str = "auto"
    root: Path = Path("data/Market-1501")
    height: int = Field(256, ge=64, le=4096, multiple_of=16)
    width: int = Field(128, ge=48, le=4096, multiple_of=16)
    pad: int = Field(10, ge=0)
    flip: float = Field(0.5, ge=0, le=1)
    erasing: float = Field(0.5, ge=0, le=1)
    workers: int = Field(2, ge=1)
    synthetic: SyntheticConfig = SyntheticConfig()
