"""Sets from other images than those that their generator was trained on."""

import shutil

import pytest

from dgnet.core.checkpoint import load_checkpoint, save_checkpoint
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.generation.audit import audited_set
from dgnet.generation.create_set import create_set
from dgnet.runs.resume import images_content
from tests.dgnet.generation.small_run import request, write_people, write_run
from tests.messages import mentions


@pytest.fixture(scope="module")
def place(narrow, tmp_path_factory):
    place = tmp_path_factory.mktemp("work")
    write_run(place)
    return place


def test_a_set_from_another_data_set_is_not_audited(place, tmp_path):
    """What its generator could copy is not in that data set."""
    other = write_people(tmp_path / "other", identities=(3, 5, 9))
    options = {"data": other, "other_data": True, "count": 3}
    create_set(request(place, tmp_path / "set", **options))
    with pytest.raises(UserError, match=mentions(tmp_path / "set", "--other-data", "copies")):
        audited_set(tmp_path / "set")
    recipe = tmp_path / "set" / "set.json"
    recipe.write_text(recipe.read_text().replace('"of_generator": false,', ""))  # of an earlier version
    create_set(request(place, tmp_path / "set", resume=True, **options))


@pytest.mark.parametrize("same", [True, False])
def test_other_training_images_of_the_same_people_are_said(place, tmp_path, caplog, same):
    """A data set that was replaced after the training: its copies would be looked for among images never seen."""
    shutil.copytree(place / "outputs", tmp_path / "outputs")
    path = tmp_path / "outputs/small/checkpoints/checkpoint_00000008.pt"
    content = images_content([record.path for record in read_dataset(place / "people").train])
    save_checkpoint(path, load_checkpoint(path) | {"content": content if same else "0" * 64})
    create_set(request(tmp_path, tmp_path / "set", data=place / "people", count=3))
    assert ("small was trained on other images of these people" in caplog.text) != same
