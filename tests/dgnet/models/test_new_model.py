"""A new model is one class and one decorator: a re-ID model, DG-Net's appearance encoder, its teacher, with weights."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from dgnet.config import override_config
from dgnet.core.errors import UserError
from dgnet.models import registry
from dgnet.models.appearance import ReIDAppearanceEncoder
from dgnet.models.backbone import Backbone
from dgnet.models.build import build_generator, build_teacher
from dgnet.models.model_file import save_model
from dgnet.models.read_model import read_model
from dgnet.models.registry import build_model, model_names, register_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads import load_model, load_pretrained
from reid_heads.export import export_onnx
from reid_heads.losses.objective import Objective
from tests.dgnet.small_generator import small_config

NAME = "pooled_resnet18"


@pytest.fixture(scope="module", autouse=True)
def new_model() -> Iterator[type[ReIDModel]]:
    @register_model(NAME)
    class PooledResNet(ReIDModel):
        def __init__(self, name: str, identities: int, *, dropout: float = 0.0) -> None:
            super().__init__(name, identities, {"dropout": dropout})
            self.trunk = Backbone("resnet18")
            self.channels = self.embedding_size = self.trunk.channels
            self.metric_sizes = (self.channels,)
            self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.channels, identities))

        def forward(self, images: Tensor) -> ReIDOutput:
            feature_map = self.trunk(images)
            feature = feature_map.mean((2, 3))
            return ReIDOutput(feature, (feature,), (self.classifier(feature),), feature_map)

    yield PooledResNet
    del registry._classes[NAME]


@pytest.fixture(scope="module")
def imagenet(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A file as torchvision publishes it: trunk and the classifier of ImageNet."""
    torch.manual_seed(1)
    path, state = (
        tmp_path_factory.mktemp("imagenet") / "resnet18-f37072fd.pth",
        torchvision.models.resnet18().state_dict(),
    )
    torch.save(state, path)
    return path, state


def holds(trunk: nn.Module, published: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, published[key]) for key, value in trunk.state_dict().items())


@pytest.mark.slow
def test_as_a_reid_model(tmp_path: Path, imagenet: tuple[Path, dict[str, Tensor]]) -> None:
    assert NAME in model_names()
    model = build_model(NAME, 3, dropout=0)  # an integer where a float is expected
    before = model.get_submodule("classifier.1").weight.clone()
    assert not load_pretrained(model, imagenet[0])
    assert holds(model.get_submodule("trunk"), imagenet[1])
    assert torch.equal(model.get_submodule("classifier.1").weight, before)
    fresh = {id(parameter) for parameter in model.fresh_parameters()}
    assert fresh == {id(parameter) for parameter in model.get_submodule("classifier").parameters()}

    labels = torch.tensor([0, 0, 2, 2])
    Objective(model, "CrossEntropy+Triplet+CenterLoss")(model(torch.randn(4, 3, 64, 32)), labels).total().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())

    save_model(tmp_path / "mAP_10.0.pth", model, (3, 8, 21), 64, 32)
    assert load_pretrained(build_model(NAME, 3), tmp_path / "mAP_10.0.pth")
    with pytest.raises(UserError, match="3 identities.* has 4"):
        load_pretrained(build_model(NAME, 4), tmp_path / "mAP_10.0.pth")
    loaded = load_model(tmp_path / "mAP_10.0.pth")
    images = np.random.default_rng(0).integers(0, 256, (2, 90, 40, 3), np.uint8)
    assert loaded.identities == (3, 8, 21) and loaded.name.startswith(NAME)
    assert loaded.embed(images).shape == (2, loaded.network.embedding_size)
    stored = read_model(tmp_path / "mAP_10.0.pth")
    assert export_onnx(stored, tmp_path / "model.onnx").difference < 1e-4


def test_as_the_appearance_encoder(imagenet: tuple[Path, dict[str, Tensor]]) -> None:
    overrides = [f"appearance.model={NAME}", f"appearance.weights={imagenet[0]}"]
    generator = build_generator(override_config(small_config(), overrides), 3)
    encoder = generator.appearance
    assert isinstance(encoder, ReIDAppearanceEncoder)
    assert holds(encoder.model.get_submodule("trunk"), imagenet[1])
    images = torch.randn(2, 3, 64, 48)
    assert generator(images, images.flip(0)).shape == images.shape
    assert encoder(images).primary.logits.shape == (2, 3)


def test_as_the_teacher(tmp_path: Path, imagenet: tuple[Path, dict[str, Tensor]]) -> None:
    config = override_config(small_config(), [f"teacher.model={NAME}", f"teacher.weights={imagenet[0]}"])
    teacher = build_teacher(config.teacher, 3)
    assert holds(teacher.get_submodule("trunk"), imagenet[1])
    images = torch.randn(4, 3, 64, 48)
    prediction = TeacherEnsemble([teacher], "soft", True, 3).predict(images)
    assert prediction.shape == (4, 3) and torch.allclose(prediction.sum(1), torch.ones(4, dtype=torch.float64))


def test_a_name_has_one_class() -> None:
    with pytest.raises(ValueError, match="taken by reid_heads.models.mgn.MGN"):
        model_names() and register_model("mgn")(type("Other", (ReIDModel,), {}))
