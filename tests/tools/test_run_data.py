"""Which file of weights a run's name stands for."""

import shutil
from pathlib import Path

from tests.dgnet.generation.small_run import write_run
from tools.evaluation.reid_extractor import reid_extractor
from tools.evaluation.run_data import weights_of


def test_a_generator_with_its_teacher_in_its_folder_is_still_a_generator(tmp_path: Path) -> None:
    """So tools/import_official.py leaves it."""
    run = write_run(tmp_path)
    teacher = tmp_path / "outputs" / "small_teacher" / "teacher.pth"
    assert weights_of("small_teacher", tmp_path) == teacher
    assert reid_extractor("small_teacher", tmp_path).name.startswith("ide small_teacher/teacher.pth")
    shutil.copy(teacher, run)
    assert weights_of("small", tmp_path) == run / "checkpoints" / "checkpoint_00000008.pt"
    assert reid_extractor("small", tmp_path).name.startswith("DG-Net's encoder of small after 8 iterations")
