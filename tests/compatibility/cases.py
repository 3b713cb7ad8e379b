"""Commands on files of version 0.1, and what of their outcome is compared. No module of ours is imported here: their
names change, the command lines do not."""

import lzma
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.reads import (
    Read,
    both,
    features,
    head,
    losses,
    manifest,
    nothing,
    numbers,
    percentages,
    pictures,
    report,
    rows_of_ab,
    settings,
    swap_measures,
    teacher,
)

STORED = Path(__file__).resolve().parent / "version_0_1"
# name -> what the archive holds
ARCHIVES = {
    "common": ["people", "settings", "outputs/teacher/teacher.pth", "outputs/teacher/config.yaml"],
    "demo": ["people_demo", "outputs/demo", "outputs/demo_teacher", "outputs/demo_witness"],
    "teacher_half": ["outputs/teacher_half"],
    "paper": ["outputs/paper"],
    "demo_half": ["outputs/demo_half"],
    "student": ["outputs/student"],
    "bnneck": ["outputs/bnneck"],
    "distilled": ["outputs/distilled"],
    "mgn": ["outputs/mgn"],
    "sets": ["sets"],
    "ab": ["outputs/ab"],
    "evaluation": ["reports", "features"],
}


def unpack(place: Path, *names: str) -> None:
    """Lay the files of these archives below `place`, and the configurations."""
    shutil.copytree(STORED / "configs", place / "configs")
    for name in names:
        with lzma.open(STORED / f"{name}.tar.xz") as file, tarfile.open(fileobj=file, mode="r|gz") as archive:
            archive.extractall(place, filter="data")


PEOPLE = (
    *("--train-identities", "3", "--test-identities", "2", "--images-per-identity", "4"),
    *("--height", "64", "--width", "32", "--distractors", "2", "--junk", "2"),
)


@dataclass(frozen=True)
class Case:
    """A tool, run in a folder with the files of `archives`.

    `read` is given the folder and what was printed, and returns what is compared: numbers, text, lists, dictionaries.
    """

    name: str
    archives: tuple[str, ...]
    tool: str
    options: tuple[str, ...]
    read: Read
    status: int = 0

    def words(self, place: Path) -> list[str]:
        """The options with `*` filled in by the one file of that name in `place`."""
        found = []
        for option in self.options:
            paths = [str(path.relative_to(place)) for path in place.glob(option)] if "*" in option else [option]
            assert len(paths) == 1, f"{option}: {paths}"
            found += paths
        return found


GAN, HEADS = "tools/train_gan.py", "tools/train.py"
BNNECK = "outputs/bnneck/mAP_*.pth"  # `*` in an option stands for the one file of that name
CPU = ("--device", "cpu")
NARROW = ("appearance.backbone=resnet18", "structure.channels=2", "discriminator.channels=2", "run.device=cpu")

CASES = [
    # Runs that were stopped in the middle go on to their end.
    Case(
        "teacher_resumed",
        ("common", "teacher_half"),
        "tools/train_teacher.py",
        ("--config", "settings/paper.yaml", "teacher.checkpoints=[]", "--name", "teacher_half", "--resume"),
        teacher,
    ),
    Case("paper_resumed", ("common", "paper"), GAN, ("--config", "settings/paper.yaml", "--resume"), losses("paper")),
    # By the configuration that the run itself has stored.
    Case(
        "demo_resumed",
        ("demo", "demo_half"),
        GAN,
        ("--config", "outputs/demo_half/config.yaml", "--resume"),
        losses("demo_half"),
    ),
    Case(
        "student_resumed",
        ("common", "student"),
        GAN,
        ("--config", "settings/student.yaml", "--resume"),
        losses("student"),
    ),
    Case(
        "bnneck_resumed",
        ("common", "bnneck"),
        HEADS,
        ("--config", "settings/heads/bnneck.yaml", "--resume"),
        head("bnneck"),
    ),
    Case(
        "distilled_resumed",
        ("common", "bnneck", "demo", "sets", "distilled"),
        HEADS,
        ("--config", "settings/heads/distilled.yaml", "--resume"),
        head("distilled"),
    ),
    Case("mgn_resumed", ("common", "mgn"), HEADS, ("--config", "outputs/mgn/config.yaml", "--resume"), head("mgn")),
    Case(
        "ab_resumed",
        ("common", "demo", "sets", "ab"),
        "tools/ab.py",
        ("--config", "settings/ab.yaml", "--resume"),
        rows_of_ab,
    ),
    # A finished demo prints its figures again.
    Case("demo_finished", ("common", "demo"), "tools/demo.py", ("--config", "settings/demo.yaml"), numbers),
    # Sets.
    Case("set_verified", ("sets",), "tools/generate.py", ("--verify", "sets/whole"), nothing),
    Case(
        "set_resumed",
        ("demo", "sets"),
        "tools/generate.py",
        ("--name", "demo", "--per_identity", "4", "--output", "sets/half", "--resume", *CPU),
        manifest("half"),
    ),
    Case(
        "set_extended",
        ("demo", "sets"),
        "tools/generate.py",
        ("--name", "demo", "--per_identity", "3", "--output", "sets/whole", "--extend", *CPU),
        manifest("whole"),
    ),
    # Swaps.
    Case(
        "swaps",
        ("demo",),
        "visual/show_swap.py",
        ("--name", "demo", "--count", "3", "--scale", "1", "--output", "swaps.png", *CPU),
        pictures("swaps.png"),
    ),
    Case(
        "swaps_of_student",
        ("common", "student"),
        "visual/show_swap.py",
        ("--name", "student", "--count", "3", "--scale", "1", "--output", "swaps.png", *CPU),
        pictures("swaps.png"),
    ),
    Case("swaps_measured", ("demo",), "tools/measure_swaps.py", ("--name", "demo", *CPU), swap_measures),
    # Embeddings and accuracy of what is loaded.
    *(
        Case(
            f"accuracy_of_{name}",
            archives,
            "tools/evaluate_reid.py",
            ("--name", given, "--data", "people", "--features", "new.npz", "--report", "new", *CPU),
            both(features("new.npz"), report("new/report.json")),
        )
        for name, archives, given in (
            ("paper", ("common", "paper"), "paper"),
            ("demo", ("common", "demo"), "demo"),
            ("student", ("common", "student"), "student"),
            ("teacher", ("common",), "outputs/teacher/teacher.pth"),
            ("mgn", ("common", "mgn"), "mgn"),
            ("distilled", ("common", "distilled"), "outputs/distilled/mAP_*.pth"),
        )
    ),
    Case(
        "head_tested",
        ("common", "bnneck"),
        "tools/test.py",
        ("--model_path", BNNECK, "--datadir", "people", "run.device=cpu"),
        percentages,
    ),
    Case(
        "features_extracted",
        ("common", "bnneck"),
        "tools/extract.py",
        ("--model_path", BNNECK, "--to", "new.npz", "people/query", "people/bounding_box_test", *CPU),
        features("new.npz"),
    ),
    # Saved features and reports. Features of a data set have no hashes of its images: they are made again.
    Case(
        "saved_features_read",
        ("common", "demo", "evaluation"),
        "tools/evaluate_reid.py",
        ("--name", "demo", "--data", "people", "--features", "features/demo.npz", "--report", "new", *CPU),
        report("new/report.json"),
    ),
    Case(
        "transfer_of_saved_features",
        ("evaluation",),
        "tools/transfer.py",
        ("--features", "features/teacher.npz", "--features", "features/transfer/*.npz", "--json", "table.json"),
        percentages,
    ),
    Case(
        "search_in_saved_features",
        ("common", "bnneck", "evaluation"),
        "tools/search.py",
        (
            *("--model_path", BNNECK, "--gallery", "features/extracted.npz", "--top", "3", "--to", "found.png", *CPU),
            *("--query", "people/query/0004_c5s1_000001_00.png"),
        ),
        numbers,
    ),
    Case(
        "reports_compared",
        ("evaluation", "demo"),
        "tools/compare_reports.py",
        ("reports/demo/report.json", "reports/bnneck/report.json"),
        numbers,
    ),
    Case(
        "reports_of_images_compared",
        ("evaluation", "demo"),
        "tools/compare_reports.py",
        ("reports/gan/report.json", "outputs/demo/report.json"),
        numbers,
    ),
    Case(
        "page_of_a_run",
        ("demo",),
        "tools/report.py",
        ("--name", "demo", "--without-accuracy", "--to", "page.html", *CPU),
        nothing,
    ),
    # Configurations of version 0.1: what each setting is in the end.
    *(
        Case(
            f"settings_of_{name}",
            ("common",),
            GAN,
            ("--config", f"configs/{name}.yaml", "--dry-run", "data.root=people", "data.layout=market1501", *NARROW),
            settings,
        )
        for name in ("latest", "msmt17", "cuhk03_np", "demo")
    ),
    *(
        Case(
            f"settings_of_{name}",
            ("common",),
            HEADS,
            ("--config", f"configs/heads/{name}.yaml", "--dry-run", "data.root=people", "run.device=cpu"),
            settings,
        )
        for name in ("bnneck", "self_distillation", "mgn")
    ),
    # Its keys are known; the generator that it names is not there.
    Case("settings_of_ab_demo", ("common",), "tools/ab.py", ("--config", "configs/ab_demo.yaml"), nothing, status=2),
    # The pedestrians of the same specification are the same set.
    Case("pedestrians", ("common",), "tools/make_synthetic.py", ("people", *PEOPLE), nothing),
    Case("pedestrians_again", (), "tools/make_synthetic.py", ("people", *PEOPLE), pictures("people/*/*.png")),
]
