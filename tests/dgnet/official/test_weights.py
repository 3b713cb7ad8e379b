"""Every entry of the official checkpoints has exactly one place in ours, of its shape; none of ours is left over."""

import json
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgnet.config import Config
from dgnet.core.errors import UserError
from dgnet.core.weights import read_state_dict
from dgnet.models.build import build_discriminator, build_generator, build_teacher
from dgnet.official import weights as official

REFERENCE = Path(__file__).parents[2] / "reference" / "dgnet_dev.json"
IDENTITIES = 16
# torchvision's classifier and the statistics of the adaptive norms: in the files, read by nobody.
UNUSED = {"gen": 2 * 8, "id": 2, "dis": 0, "teacher": 2}


@lru_cache
def shapes() -> dict[str, dict[str, list[int]]]:
    return json.loads(REFERENCE.read_text())["state_dict_shapes"]


def marked(network: str) -> dict[str, Tensor]:
    """A state dict of the official shapes, each entry filled with its number (stored once)."""
    return {key: torch.tensor(i).expand(shape) for i, (key, shape) in enumerate(shapes()[network].items())}


def number(entry: Tensor) -> int:
    return int(entry[(0,) * entry.ndim])


def converted(network: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The entries of one of the official networks under our names, and ours as built (shapes only)."""
    config = Config()
    with torch.device("meta"):
        generator, discriminator = build_generator(config, IDENTITIES), build_discriminator(config)
        teacher = build_teacher(config.teacher, IDENTITIES)
    if network in ("gen", "id"):
        ours = official.generator_state(marked("gen"), marked("id"))
        return tuple(
            {key: value for key, value in state.items() if key.startswith("appearance.") == (network == "id")}
            for state in (ours, generator.state_dict())
        )
    if network == "dis":
        return official.discriminator_state(marked("dis")), discriminator.state_dict()
    return official.appearance_state(marked("teacher")), teacher.state_dict()


@pytest.mark.parametrize("network", UNUSED)
def test_each_entry_has_one_place_of_its_shape(network: str) -> None:
    ours, built = converted(network)
    assert ours.keys() == built.keys()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in built.items()}
    # A stack of several of theirs: one number a slice.
    numbers: list[int] = []
    for key, value in ours.items():
        parts = value.unbind(0) if key.startswith("decoder.style.") else (value,)
        numbers += [number(part) for part in parts]
    assert len(numbers) == len(set(numbers))
    names = list(shapes()[network])
    left = {names[index] for index in set(range(len(names))) - set(numbers)}
    assert len(left) == UNUSED[network]
    assert all(key.startswith("model.fc.") or key.endswith(("running_mean", "running_var")) for key in left)


@pytest.mark.slow
def test_the_names_that_could_be_exchanged() -> None:
    """Same shapes, so only the names tell: gains before biases, primary before fine, dilation 3 before 6 before 9."""
    theirs = {key: i for i, key in enumerate(shapes()["gen"])}
    ours, _ = converted("gen")
    gains_then_biases = [theirs[f"mlp_{kind}{block}.model.0.fc.weight"] for kind in "wb" for block in range(1, 5)]
    assert ours["decoder.style.layers.0.weight"][:, 0, 0].tolist() == gains_then_biases
    for dilated, branch in enumerate(("conv6", "conv12", "conv18")):
        key = f"enc_content.model.5.{branch}.1.conv.weight"
        assert number(ours[f"structure.dilation.dilated.{dilated}.1.convolution.weight"]) == theirs[key]
    for block in range(4):
        for position, name in enumerate(("first", "second")):
            key = f"dec.model.1.model.{block}.model.{position}.conv.weight"
            assert number(ours[f"decoder.residual.{block}.{name}.convolution.weight"]) == theirs[key]
    heads, _ = converted("id")
    for name, head in (("primary", "classifier1"), ("fine", "classifier2")):
        index = list(shapes()["id"]).index(f"{head}.add_block.0.weight")
        assert number(heads[f"appearance.{name}.bottleneck.weight"]) == index


def test_a_state_is_read_bare_or_in_its_envelope(tmp_path: Path) -> None:
    state = {"some.weight": torch.arange(3.0)}
    torch.save(state, tmp_path / "net_last.pth")
    torch.save({"a": state}, tmp_path / "gen_00100000.pt")
    for name in ("net_last.pth", "gen_00100000.pt"):
        read = read_state_dict(tmp_path / name, "a state dict of somebody")
        assert read.keys() == state.keys() and torch.equal(read["some.weight"], state["some.weight"])


def test_a_missing_damaged_or_foreign_file_is_one_sentence(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    torch.save({"a": {"some.weight": torch.zeros(1000)}}, whole)
    (tmp_path / "cut.pt").write_bytes(whole.read_bytes()[:-300])
    (tmp_path / "words.pt").write_text("not a checkpoint")
    (tmp_path / "empty.pt").touch()
    torch.save({"epoch": 3, "weights": [1, 2]}, tmp_path / "other.pt")
    torch.save([1, 2, 3], tmp_path / "list.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    for name, words in (
        ("nowhere.pt", "no such file of weights"),
        ("cut.pt", "not a PyTorch file"),
        ("words.pt", "not a PyTorch file"),
        ("empty.pt", "not a PyTorch file"),
        ("module.pt", "a pickled module"),
        ("other.pt", "must hold a state dict of somebody"),
        ("list.pt", "must hold a state dict of somebody"),
    ):
        with pytest.raises(UserError) as caught:
            read_state_dict(tmp_path / name, "a state dict of somebody")
        assert str(tmp_path / name) in str(caught.value) and words in str(caught.value)
        assert "\n" not in str(caught.value)
