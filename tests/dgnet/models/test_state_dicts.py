"""State dicts of our models with entries too few or too many: what is wrong is named, not the first entry."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.models.pretrained import load_pretrained
from dgnet.models.read_model import read_model
from dgnet.models.registry import build_model
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")
State = dict[str, Tensor]
CHANGES: dict[str, tuple[Callable[[State], State], str]] = {
    "one missing": (lambda state: without(state, "layer3.0.conv1.weight"), "lacks trunk.layer3.0.conv1.weight"),
    "statistics missing": (lambda state: without(state, "running"), "lacks trunk.bn1.running_mean"),
    "one more": (lambda state: state | {"head2.weight": torch.zeros(3, 3)}, "first mismatch: head2.weight"),
    "another shape": (lambda state: state | {"neck.weight": torch.zeros(3)}, "first mismatch: neck.weight"),
    "negative variances": (lambda state: state | {"neck.running_var": -state["neck.running_var"]}, "neck.running_var"),
}


def without(state: State, part: str) -> State:
    return {key: value for key, value in state.items() if part not in key}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_wrong_is_named(change: str, tmp_path: Path) -> None:
    """A file with one entry too many was called another architecture from its first entry on."""
    edit, said = CHANGES[change]
    torch.save(edit(build_model("resnet18", 4).state_dict()), tmp_path / "x.pth")
    with pytest.raises(UserError, match=mentions("x.pth", said)):
        read_model(tmp_path / "x.pth", "resnet18")
    with pytest.raises(UserError, match=mentions("x.pth", said)):
        load_pretrained(build_model("resnet18", 4), tmp_path / "x.pth")


def test_bare_weights_without_a_classifier_serve_for_testing(tmp_path: Path) -> None:
    model = build_model("resnet18", 4).eval()
    torch.save(without(model.state_dict(), "classifier"), tmp_path / "x.pth")
    read = read_model(tmp_path / "x.pth", "resnet18").network
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(read.embed(images), model.embed(images))
    with pytest.raises(UserError, match=mentions("x.pth", "lacks classifier.weight")):
        load_pretrained(build_model("resnet18", 4), tmp_path / "x.pth")
