"""Every architecture at a tiny size: shapes, options, what is deployed, and where gradients go."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.models.registry import build_model, model_names
from dgnet.models.reid_model import Option, ReIDModel
from reid_heads.models.ibn import SplitNorm
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")

IDENTITIES = 5
SMALL_MGN: dict[str, Option] = {"trunk": "resnet18", "features": 16}


def small_model(name: str, **options: Option) -> ReIDModel:
    torch.manual_seed(0)
    return build_model(name, IDENTITIES, **((SMALL_MGN if name == "mgn" else {}) | options))


def images(count: int = 3, height: int = 64, width: int = 32) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_every_head_runs_and_says_its_sizes(name: str) -> None:
    head = small_model(name)
    output = head(images())
    assert output.embedding.shape == (3, head.embedding_size)
    assert [feature.shape for feature in output.metric_features] == [(3, size) for size in head.metric_sizes]
    assert all(logits.shape == (3, IDENTITIES) for logits in output.logits)
    assert output.feature_map.shape[:2] == (3, head.channels)
    assert [stage.feature.shape for stage in output.stages] == [(3, head.channels)] * (4 if name.endswith("_kd") else 0)
    parts = head.trunk_parameters() + head.fresh_parameters()
    assert sorted(map(id, parts)) == sorted(map(id, head.parameters()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet18_kd", "resnet50_ibn_a_kd", "mgn"])
def test_what_is_deployed_embeds_the_same_without_branches(name: str) -> None:
    head = small_model(name)
    head(images())  # moves the norms' statistics
    head.eval()
    with torch.no_grad():
        plain, seen = head.deployed(), images(2)
        assert torch.equal(head.embed(seen), head(seen).embedding)
        assert torch.equal(plain.embed(seen), head.embed(seen))
        assert head(seen).stages == ()
    assert not plain.training
    assert not [key for key in plain.state_dict() if name.endswith("_kd") and key.startswith("branches")]


@pytest.mark.slow
@pytest.mark.parametrize("stripes", ["1-2-3", "1-2-4", "1-3-4"])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_mgn_pools_like_the_oracle_at_any_size(stripes: str, pooling: str) -> None:
    head = small_model("mgn", stripes=stripes, pooling=pooling).eval()
    seen = images(2, 192, 64)  # the second and third maps are 12 high: 2, 3 and 4 divide it
    reduce: Callable[..., Tensor] = torch.mean if pooling == "avg" else torch.amax
    with torch.no_grad():
        maps = head.maps(seen)
        parts = [reduce(x, dim=(2, 3)) for x in maps]
        for x, count in zip(maps[1:], head.stripes[1:], strict=True):
            tall = x.shape[2] // count
            parts += [reduce(x[:, :, i * tall : (i + 1) * tall], dim=(2, 3)) for i in range(count)]
        features = [r(part[..., None, None]) for r, part in zip(head.reductions, parts, strict=True)]
        assert torch.allclose(head.embed(seen), torch.cat(features, 1), atol=1e-6)
        output = head(seen)
        assert [x.shape[2] for x in maps] == [6, 12, 12]
        assert all(torch.equal(output.metric_features[i], output.embedding[:, 16 * i : 16 * i + 16]) for i in range(3))
    # Sizes that nothing divides work too.
    odd = images(2, 100, 52)
    assert head.embed(odd).shape == (2, 16 * (3 + sum(head.stripes[1:])))
    adaptive: Callable[..., Tensor] = F.adaptive_avg_pool2d if pooling == "avg" else F.adaptive_max_pool2d
    count = head.stripes[2]
    with torch.no_grad():
        maps = head.maps(odd)
        pooled = adaptive(maps[2], (count, 1)).split(1, 2)
        last = [r(x) for r, x in zip(head.reductions[-count:], pooled, strict=True)]
        assert maps[2].shape[2] % 2 == 1
        assert torch.allclose(head.embed(odd)[:, -16 * count :], torch.cat(last, 1), atol=1e-6)


def test_branches_of_mgn_share_no_weights() -> None:
    head = small_model("mgn")
    first = [next(branch.parameters()) for branch in head.branches]
    assert len({parameter.data_ptr() for parameter in first}) == 3
    assert torch.equal(first[0], first[1])
    assert torch.equal(first[1], first[2])


def test_split_norm_equals_its_halves() -> None:
    norm, x = SplitNorm(6), torch.randn(4, 6, 5, 5)
    with torch.no_grad():
        norm.IN.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
        own = (x[:, :3] - x[:, :3].mean((2, 3), keepdim=True)) / (
            x[:, :3].var((2, 3), unbiased=False, keepdim=True) + 1e-5
        ).sqrt()
        own *= norm.IN.weight.view(3, 1, 1)
        shared = (x[:, 3:] - x[:, 3:].mean((0, 2, 3), keepdim=True)) / (
            x[:, 3:].var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5
        ).sqrt()
        assert torch.allclose(norm(x), torch.cat([own, shared], 1), atol=1e-5)


def test_ibn_splits_the_first_norm_of_stages_one_to_three() -> None:
    head = small_model("resnet50_ibn_a")
    split = [name for name, module in head.named_modules() if isinstance(module, SplitNorm)]
    assert len(split) == 3 + 4 + 6
    assert all(name.endswith("bn1") and "layer4" not in name for name in split)


def test_last_stride_sets_the_resolution() -> None:
    assert small_model("resnet18", last_stride=1)(images()).feature_map.shape[2:] == (4, 2)
    assert small_model("resnet18", last_stride=2)(images()).feature_map.shape[2:] == (2, 1)


def test_the_baselines_stem_has_a_relu_where_the_reference_has() -> None:
    def has_relu(head: ReIDModel) -> bool:
        return isinstance(head.get_submodule("trunk.relu"), torch.nn.ReLU)

    assert not has_relu(small_model("resnet18"))
    assert has_relu(small_model("resnet18", stem_relu=True))
    assert has_relu(small_model("resnet50_ibn_a"))


def test_the_neck_has_no_bias_to_learn() -> None:
    head = small_model("resnet18")
    head(images()).logits[0].sum().backward()
    neck = head.get_submodule("neck")
    assert neck.bias.grad is None
    assert neck.weight.grad is not None


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("resnet5", {}, ["resnet50_ibn_a_kd", "'resnet5'"]),
        ("mgn", {"last_stride": 1}, ["no option 'last_stride'", "stripes, pooling, features, trunk"]),
        ("mgn", {"stripes": "1-2-5"}, ["1-2-3, 1-2-4, 1-3-4", "'1-2-5'"]),
        ("mgn", {"pooling": "sum"}, ["avg, max", "'sum'"]),
        ("mgn", {"features": 0}, ["at least 1", "0"]),
        ("mgn", {"trunk": "vgg"}, ["'vgg'", "resnet18"]),
        ("mgn", {"features": "many"}, ["int", "'many'"]),
        ("resnet18", {"last_stride": 3}, ["1, 2", "3"]),
    ],
)
def test_a_wrong_name_or_option_is_one_sentence(name: str, options: dict[str, Option], words: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        build_model(name, IDENTITIES, **options)
    for word in words:
        assert word in str(refused.value)


def test_a_head_needs_identities() -> None:
    with pytest.raises(UserError, match=mentions("identity", 1, 0)):
        build_model("resnet18", 0)
