"""Which file of weights a run's name stands for."""

import shutil
from pathlib import Path

from reid_heads.load import load_model
from tests.dgnet.generation.small_run import write_run


def test_a_generator_with_its_teacher_in_its_folder_is_still_a_generator(tmp_path: Path) -> None:
    """So tools/import_official.py leaves it."""
    run = write_run(tmp_path)
    teacher = tmp_path / "outputs" / "small_teacher" / "teacher.pth"
    assert load_model("small_teacher", output=tmp_path).weights == teacher
    assert load_model("small_teacher", output=tmp_path).name.startswith("ide small_teacher/teacher.pth")
    shutil.copy(teacher, run)
    assert load_model("small", output=tmp_path).weights == run / "checkpoints" / "checkpoint_00000008.pt"
    assert load_model("small", output=tmp_path).name.startswith("DG-Net's encoder of small after 8 iterations")
