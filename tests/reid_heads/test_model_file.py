"""A head in a file, ours and others': round trips, translations, and one sentence for each wrong file."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from dgnet.core.checkpoint import save_checkpoint
from dgnet.core.errors import UserError
from dgnet.models.backbone import Backbone
from dgnet.models.model_file import read_model_file, save_model
from dgnet.models.pretrained import load_backbone, load_pretrained
from dgnet.models.read_model import read_model
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel
from dgnet.models.state_dicts import classifier_entries
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")

IDENTITIES = (3, 8, 21)


def model_of(name: str, identities: int = 3, **options: str | int) -> ReIDModel:
    return build_model(name, identities, **({"trunk": "resnet18", "features": 8} if name == "mgn" else {}), **options)


def state_of_others(head: ReIDModel) -> dict[str, Tensor]:
    """A BNNeck's weights as the baseline writes them."""
    names = {"trunk": "base", "neck": "bottleneck", "classifier": "classifier"}
    return {
        f"{names[key.partition('.')[0]]}.{key.partition('.')[2]}": value for key, value in head.state_dict().items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet18_kd", "mgn"])
def test_a_stored_head_is_the_head(name: str, tmp_path: Path) -> None:
    head, path = model_of(name, **({"stripes": "1-3-4"} if name == "mgn" else {})), tmp_path / "head.pth"
    save_model(path, head, IDENTITIES, 64, 32)
    stored = read_model_file(path)
    assert (stored.identities, stored.height, stored.width) == (IDENTITIES, 64, 32)
    assert (stored.network.name, stored.network.options) == (head.name, head.options)
    images = torch.randn(2, 3, 64, 32)
    assert torch.equal(stored.network.embed(images), head.eval().embed(images))
    content = torch.load(path, weights_only=True)
    assert content["preprocessing"]["mean"] == pytest.approx([0.485, 0.456, 0.406])


def test_the_list_of_identities_is_the_heads(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions("identities", "list", 3, 2)):
        save_model(tmp_path / "head.pth", model_of("resnet18"), [1, 2], 64, 32)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_head_file_is_opened_by_its_name_or_its_plain_form(tmp_path: Path) -> None:
    path = tmp_path / "head.pth"
    save_model(path, model_of("resnet18_kd"), IDENTITIES, 64, 32)
    for name in (None, "resnet18_kd", "resnet18"):
        assert read_model(path, name).network.name == "resnet18_kd"
    with pytest.raises(UserError, match=mentions("'resnet18_kd'", "'resnet34'")):
        read_model(path, "resnet34")


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_the_baselines_files_are_read(prefix: str, tmp_path: Path) -> None:
    head, path = model_of("resnet18"), tmp_path / "baseline.pth"
    state = {prefix + key: value for key, value in state_of_others(head).items()}
    torch.save({"state_dict": state, "epoch": 120} if prefix else state, path)
    stored = read_model(path, "resnet18")
    assert (stored.identities, stored.height, stored.width) == ((), 256, 128)
    assert all(torch.equal(value, stored.network.state_dict()[key]) for key, value in head.state_dict().items())


def test_branches_of_the_sources_distillation_are_left_aside(tmp_path: Path) -> None:
    head, path = model_of("resnet18"), tmp_path / "kd.pth"
    torch.save(state_of_others(head) | {"branch1.conv.weight": torch.zeros(2)}, path)
    assert read_model(path, "resnet18_kd").network.name == "resnet18"
    with pytest.raises(UserError, match=mentions("'resnet18'", "first", "branch1")):
        read_model(path, "resnet18")


def state_of_mgn_pytorch(head: ReIDModel) -> dict[str, Tensor]:
    """An MGN's weights as MGN-pytorch writes them."""
    found = {}
    for key, value in head.state_dict().items():
        part, number, rest = key.split(".", 2)
        if part in ("stem", "stages"):
            first = {"stem": 0, "stages": 4}[part] + int(number)
            key = f"backone.{first}.{rest}"
        elif part == "branches":
            key = f"p{int(number) + 1}.{rest}"
        elif part == "reductions":
            name = rest.replace("convolution", "0").replace("norm", "1")
            key = f"reduction_{number}.{name}"
        else:
            stripe, second = int(number) - 3, head.stripes[1]
            places = f"1_{stripe}" if stripe < second else f"2_{stripe - second}"
            key = f"fc_id_2048_{number}.{rest}" if stripe < 0 else f"fc_id_256_{places}.{rest}"
        found[key] = value
    return found


@pytest.mark.slow
def test_a_file_of_mgn_pytorch_tells_its_stripes_itself(tmp_path: Path) -> None:
    head, path = model_of("mgn", stripes="1-2-4").eval(), tmp_path / "mgn.pt"
    torch.save(state_of_mgn_pytorch(head), path)
    # The recipe's options, as tools/train_mgn.py --test-only passes them on.
    read = read_model(path, "mgn", trunk="resnet18", stripes="1-2-3", pooling="avg").network
    images = torch.randn(2, 3, 96, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read.embed(images), head.embed(images))


@pytest.mark.slow
def test_imagenet_weights_fill_every_trunk(tmp_path: Path) -> None:
    torch.manual_seed(0)
    published, path = torchvision.models.resnet18().state_dict(), tmp_path / "imagenet.pth"
    torch.save(published, path)
    plain, distilled, mgn = (model_of(name) for name in ("resnet18", "resnet18_kd", "mgn"))
    before = plain.get_submodule("classifier").weight.clone()
    for head in (plain, distilled, mgn):
        assert not load_pretrained(head, path)
        places = {place: key for key in published if not key.startswith("fc.") for place in head.trunk_keys(key)}
        state = head.state_dict()
        trunk = {id(parameter) for parameter in head.trunk_parameters()}
        assert {key for key, value in head.named_parameters() if id(value) in trunk} <= places.keys()
        assert all(torch.equal(state[place], published[key]) for place, key in places.items())
    assert torch.equal(plain.get_submodule("classifier").weight, before)
    assert mgn.trunk_keys("layer3.1.conv1.weight") == [f"branches.{branch}.0.0.conv1.weight" for branch in range(3)]


def test_a_head_is_filled_from_our_own_file(tmp_path: Path) -> None:
    head, other, path = model_of("resnet18"), model_of("resnet18"), tmp_path / "head.pth"
    save_model(path, head, IDENTITIES, 64, 32)
    assert load_pretrained(other, path)
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in head.state_dict().items())


@pytest.mark.slow
def test_files_of_earlier_versions_open(tmp_path: Path) -> None:
    """Teachers and heads were written apart."""
    size = {"height": 64, "width": 32, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    teacher = {"backbone": "resnet18", "last_stride": 2, "dropout": 0.0}
    for model, kind, architecture in (
        (
            build_model("ide", 3, **teacher, upsample_below_height=0),
            "dgnet teacher",
            teacher | {"double_up_to_height": 0},
        ),
        (model_of("resnet18", last_stride=2), "reid head", {"name": "resnet18", "options": {"last_stride": 2}}),
    ):
        content = {"kind": kind, "architecture": architecture, "identities": list(IDENTITIES)}
        save_checkpoint(tmp_path / "old.pth", content | {"preprocessing": size, "state": model.state_dict()})
        stored = read_model(tmp_path / "old.pth")
        assert (stored.network.name, stored.identities, stored.height) == (model.name, IDENTITIES, 64)
        images = torch.randn(2, 3, 64, 32)
        assert torch.equal(stored.network.embed(images), model.eval().embed(images))


def pickled_module(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path)


def text(path: Path) -> None:
    path.write_text("no weights")


def truncated(path: Path) -> None:
    save_model(path, model_of("resnet18"), IDENTITIES, 64, 32)
    path.write_bytes(path.read_bytes()[:-5000])


def a_list(path: Path) -> None:
    torch.save([1, 2], path)


def numbers(path: Path) -> None:
    torch.save({"epoch": 3}, path)


def a_generator(path: Path) -> None:
    save_checkpoint(path, {"kind": "dgnet generator", "generator": model_of("resnet18").state_dict()})


def nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (pickled_module, "a pickled module"),
        (text, "not a PyTorch file"),
        (truncated, "damaged"),
        (a_list, "it holds a list"),
        (numbers, "holds no weights"),
        (
            a_generator,
            mentions("mAP_*.pth", "tools/train.py", "teacher.pth", "dgnet generator"),
        ),
        (nothing, "no such file"),
    ],
)
def test_a_wrong_file_is_one_sentence(write: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    write(path)
    for read in (lambda: read_model(path, "resnet18"), lambda: load_pretrained(model_of("resnet18"), path)):
        with pytest.raises(UserError) as refused:
            read()
        assert re.search(words, str(refused.value))
        assert str(path) in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("identities", [3, 7])
@pytest.mark.parametrize("name", ["resnet18", "resnet18_kd", "mgn"])
def test_for_other_identities_the_classifier_begins_anew(name: str, identities: int, tmp_path: Path) -> None:
    """Where asked, also for as many others; all other weights are the trained model's."""
    trained, model = model_of(name), model_of(name, identities)
    with torch.no_grad():
        for value in trained.state_dict().values():
            value += 1
    before = {key: value.clone() for key, value in model.state_dict().items()}
    save_model(tmp_path / "ours.pth", trained, IDENTITIES, 64, 32)
    assert load_pretrained(model, tmp_path / "ours.pth", new_classifier=True)
    anew = {key for key, value in model.state_dict().items() if torch.equal(value, before[key])}
    assert anew and anew == classifier_entries(model) and all("classifier" in key for key in anew)
    for key in model.state_dict().keys() - anew:
        assert torch.equal(model.state_dict()[key], trained.state_dict()[key]), key
    assert re.search(r"ours\.pth: all but .*classifier.*, which is initialized randomly$", model.initial_weights)


@pytest.mark.slow
def test_another_system_s_model_for_other_identities(tmp_path: Path) -> None:
    torch.save(state_of_others(model_of("resnet18")), tmp_path / "theirs.pth")
    model = model_of("resnet18", 7)
    with pytest.raises(UserError, match="new_classifier=true"):
        load_pretrained(model, tmp_path / "theirs.pth")
    assert load_pretrained(model, tmp_path / "theirs.pth", new_classifier=True)
    assert "all but classifier, which is initialized randomly" in model.initial_weights


@pytest.mark.slow
def test_a_trunk_begins_as_that_of_a_trained_model(tmp_path: Path) -> None:
    trained, backbone = model_of("resnet18"), Backbone("resnet18")
    save_model(tmp_path / "ours.pth", trained, IDENTITIES, 64, 32)
    load_backbone(backbone, tmp_path / "ours.pth")
    state = trained.trunk_state()
    assert all(torch.equal(value, state[key]) for key, value in backbone.state_dict().items())
    with pytest.raises(UserError, match="another architecture"):
        load_backbone(Backbone("resnet34"), tmp_path / "ours.pth")


@pytest.mark.slow
def test_another_architecture_or_number_of_identities(tmp_path: Path) -> None:
    theirs, ours, imagenet = (tmp_path / f"{name}.pth" for name in ("theirs", "ours", "imagenet"))
    torch.save(state_of_others(model_of("resnet18")), theirs)
    save_model(ours, model_of("resnet18"), IDENTITIES, 64, 32)
    torch.save(torchvision.models.resnet18().state_dict(), imagenet)
    for path in (theirs, ours, imagenet):
        with pytest.raises(UserError, match="resnet34"):
            load_pretrained(model_of("resnet34"), path)
    for path in (theirs, ours):
        with pytest.raises(UserError, match=r"(have|has) 3 identities, the model 'resnet18' has 7"):
            load_pretrained(model_of("resnet18", 7), path)
    with pytest.raises(UserError, match=r"last_stride 1.*last_stride 2"):
        load_pretrained(model_of("resnet18", last_stride=2), ours)
    with pytest.raises(UserError, match=mentions("name", "resnet18")):
        read_model(theirs)
    with pytest.raises(UserError, match="holds no trained"):
        read_model(imagenet, "resnet18")
    with pytest.raises(UserError, match=mentions("trained", "re-ID")):
        read_model_file(theirs)


@pytest.mark.parametrize("name", ["resnet18", pytest.param("mgn", marks=pytest.mark.slow)])
def test_a_file_without_a_classifier_serves_for_testing(name: str, tmp_path: Path) -> None:
    head, path = model_of(name, **({"stripes": "1-2-4"} if name == "mgn" else {})).eval(), tmp_path / "theirs.pth"
    state = (state_of_mgn_pytorch if name == "mgn" else state_of_others)(head)
    torch.save({"model": {k: v for k, v in state.items() if not k.startswith(("classifier", "fc_"))}}, path)
    read = read_model(path, name, **({"trunk": "resnet18"} if name == "mgn" else {})).network
    images = torch.randn(2, 3, 96, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read.embed(images), head.embed(images))
    # Anything else may not be missing.
    torch.save({k: v for k, v in state.items() if not k.startswith(("bottleneck", "reduction_1"))}, path)
    with pytest.raises(UserError, match="another architecture"):
        read_model(path, name)


@pytest.mark.parametrize(
    "name", ["resnet18", *(pytest.param(name, marks=pytest.mark.slow) for name in ("resnet18_kd", "mgn"))]
)
@pytest.mark.parametrize("half", [False, True])
def test_bare_weights_of_ours_are_read_by_the_model_s_name(
    name: str, half: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`torch.save(model.state_dict(), path)`, with a parallel network's prefix, maybe in half precision."""
    model, path = model_of(name, 5), tmp_path / "bare.pth"
    state = {key: value.half() if half and value.is_floating_point() else value for key, value in _items(model)}
    torch.save({f"module.{key}": value for key, value in state.items()}, path)
    options = {"trunk": "resnet18", "features": 8} if name == "mgn" else {}
    read = read_model(path, name, **options).network
    assert read.identities == 5 and all(torch.equal(value, state[key].float()) for key, value in _items(read))
    assert re.search(r"bare\.pth: bare weights.* of images of \d+x\d+", caplog.text)
    filled = model_of(name, 5)
    assert load_pretrained(filled, path) and filled.initial_classes == ((), ())
    assert all(torch.equal(value, state[key].float()) for key, value in _items(filled))
    with pytest.raises(UserError, match="5 identities, the model .* has 7"):
        load_pretrained(model_of(name, 7), path)
    assert load_pretrained(model_of(name, 7), path, new_classifier=True)
    with pytest.raises(UserError, match="another architecture|holds no trained"):
        read_model(path, "resnet34")


def _items(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [(key, value) for key, value in model.state_dict().items() if value.is_floating_point()]


@pytest.mark.parametrize("change", ["state", "architecture", "preprocessing"])
def test_a_file_of_ours_that_was_changed_is_one_sentence(change: str, tmp_path: Path) -> None:
    path = tmp_path / "head.pth"
    save_model(path, model_of("resnet18"), IDENTITIES, 64, 32)
    content = torch.load(path, weights_only=True)
    content[change] = {"neck.weight": torch.ones(3)} if change == "state" else {}
    torch.save(content, path)
    with pytest.raises(UserError, match=rf"{path}: its (weights do not fit|content is not what)") as refused:
        read_model(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600
    del content[change]
    torch.save(content, path)
    with pytest.raises(UserError, match=f"its content is not what this version writes .*{change}"):
        read_model(path)
