"""Which file of weights a run's name stands for, and which data set."""

import shutil
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from reid_heads.load import find_reid_model, load_model
from reid_heads.run_data import dataset_of_run
from tests.dgnet.generation.small_run import write_run
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.mark.slow
def test_a_generator_with_its_teacher_in_its_folder_is_still_a_generator(tmp_path: Path) -> None:
    """So tools/import_official.py leaves it."""
    run = write_run(tmp_path)
    teacher = tmp_path / "outputs" / "small_teacher" / "teacher.pth"
    assert load_model("small_teacher", output=tmp_path).weights == teacher
    assert load_model("small_teacher", output=tmp_path).name.startswith("ide small_teacher/teacher.pth")
    shutil.copy(teacher, run)
    assert load_model("small", output=tmp_path).weights == run / "checkpoints" / "checkpoint_00000008.pt"
    assert load_model("small", output=tmp_path).name.startswith("DG-Net's encoder of small after 8 iterations")


def test_a_relative_data_set_that_is_elsewhere_hints_at_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, elsewhere = tmp_path / "outputs" / "run", tmp_path / "elsewhere"
    run.mkdir(parents=True)
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for sections in ("head: {name: resnet18}\n", ""):
        (run / "config.yaml").write_text(f"{sections}data: {{root: data/Market-1501}}\n")
        with pytest.raises(UserError, match=mentions("data/Market-1501", "data.root", str(elsewhere), "--data")):
            dataset_of_run(run / "mAP_85.9.pth")


def test_where_a_re_id_model_is_wanted_a_run_of_dg_net_is_named(tmp_path: Path) -> None:
    """It was "a folder, and it must be a file of weights"."""
    (tmp_path / "outputs" / "empty").mkdir(parents=True)
    with pytest.raises(UserError, match=mentions("outputs/empty", "no trained model", "teacher")):
        find_reid_model("empty", tmp_path)
    run = write_run(tmp_path)
    with pytest.raises(UserError, match=mentions(run, "DG-Net", "teacher")):
        find_reid_model("small", tmp_path)
    assert find_reid_model("small_teacher", tmp_path).name == "teacher.pth"
