"""A run's generator comes back as it was, and anything else is refused by name."""

import shutil

import pytest
import torch

from dgnet.core.errors import UserError
from dgnet.generation.load import load_generator
from dgnet.models.model_file import read_model_file
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator, store
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with checkpoints after 20 and 30 iterations, of different weights."""
    folder = tmp_path_factory.mktemp("outputs") / "run"
    for iteration in (20, 30):
        store(folder, small_generator(iteration), iteration)
    return folder


@pytest.mark.slow
def test_the_newest_generator_swaps_as_the_stored_one(run):
    stored = load_generator(run)
    assert (stored.iteration, stored.identities, stored.config) == (30, IDENTITIES, small_config())
    assert not any(module.training for module in stored.network.modules())
    images = torch.randn(2, 3, 64, 48)
    with torch.no_grad():
        expected, other = (small_generator(seed)(images, images.flip(0)) for seed in (30, 20))
        swapped = stored.network(images, images.flip(0))
    # Another memory layout sums in another order.
    torch.testing.assert_close(swapped, expected, atol=1e-3, rtol=0)
    assert (swapped - other).abs().max() > 0.1


@pytest.mark.parametrize("named", ["by iteration", "by file"])
def test_an_earlier_checkpoint(run, named):
    stored = (
        load_generator(run, iteration=20)
        if named == "by iteration"
        else load_generator(run / "checkpoints/checkpoint_00000020.pt")
    )
    assert stored.iteration == 20
    expected = small_generator(20).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in stored.network.state_dict().items())


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_is_passed_over_unless_it_is_asked_for(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    newest = folder / "checkpoints/checkpoint_00000030.pt"
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert load_generator(folder).iteration == 20
    with pytest.raises(UserError, match="checkpoint_00000030.pt is damaged"):
        load_generator(folder, iteration=30)


def test_what_is_not_there(run, tmp_path):
    with pytest.raises(UserError, match=mentions("checkpoint", "iteration", 25, 20, 30)):
        load_generator(run, iteration=25)
    with pytest.raises(UserError, match="nowhere: no such run"):
        load_generator(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no checkpoints"):
        load_generator(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "dgnet teacher"}, "must hold a checkpoint of DG-Net .*, holds a dgnet teacher$"),
        ({"config": {"structure": {"channel": 2}}}, "unknown key 'structure.channel'"),
        ({"identities": [1, 2]}, r"do not fit .*logits"),
    ],
)
def test_foreign_files(tmp_path, changes, sentence):
    path = store(tmp_path, small_generator(), 1, **changes)
    with pytest.raises(UserError, match=sentence) as error:
        load_generator(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [[1, 2, 3], torch.zeros(2), "words"])
def test_a_file_of_something_else_is_one_sentence(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    for read in (load_generator, read_model_file):
        with pytest.raises(UserError, match=rf"other\.pt is no checkpoint of ours.* a {type(content).__name__}"):
            read(tmp_path / "other.pt")
