"""The page of a run and the page of its accuracy: written by their tools, looked at in a browser."""

import json
import re
from pathlib import Path

import pytest
import yaml

from dgnet.config import Config, override_config, resolved
from dgnet.core.checkpoint import file_hash
from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import read_dataset
from dgnet.data.training_data import open_dataset
from dgnet.generation.load import find_generator
from dgnet.runs.scalars import ScalarTable
from eval.report.report import MetricValue, Report, read_report, write_report
from tests.dgnet.small_generator import small_config, small_generator, store
from tests.eval.report.pages import Page, foreign_loads
from tests.messages import mentions
from tests.tools.browser import chromium, requested
from tests.tools.evaluation_tool import answer
from tools import evaluate_reid, report
from visual.job import draw_people
from visual.options import visual_parser

DESK, PHONE = (1200, 900), (375, 700)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("narrow")]


def settings(place: Path) -> Config:
    people = {"train_identities": 3, "test_identities": 4, "images_per_identity": 4}
    values = ["layout=synthetic", f"root={place / 'people'}", *(f"synthetic.{k}={v}" for k, v in people.items())]
    return override_config(small_config(), [f"data.{value}" for value in values])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on built-in pedestrians, never trained, with its curves and a report."""
    place = tmp_path_factory.mktemp("pages")
    config, run = settings(place), place / "outputs" / "small"
    dataset = open_dataset(config.data, Distributed.start("cpu"))
    store(run, small_generator(), 20, config=resolved(config), identities=list(dataset.identities))
    (run / "config.yaml").write_text(yaml.safe_dump(resolved(config)))
    table = ScalarTable(run / "scalars.csv", 0)
    for iteration in range(1, 21):
        table.add(iteration, {"loss/identity": 2 / iteration, "weight/identity": 1.0})
    write_report(
        Report("Demo", [MetricValue("Swap fidelity", "PSNR", 14.2, "dB", "inside the person")], "make demo"), run
    )
    for iteration in (10, 20):
        metric = MetricValue("Distribution", "FID", float(iteration), protocol="clean", better="lower")
        write_report(Report("Quality", [metric], "evaluate_gan"), run / "evaluation" / f"{iteration:08d}")
    return place


@pytest.fixture(scope="module")
def pages(place: Path) -> tuple[Path, Path]:
    """The page of the run and that of its accuracy."""
    patch = pytest.MonkeyPatch()
    try:
        for tool, words in (
            (report, ["--to", place / "page.html"]),
            (
                evaluate_reid,
                ["--name", "small", "--k1", 5, "--report", place / "accuracy", "--features", place / "saved.npz"],
            ),
        ):
            patch.setattr("sys.argv", [tool.__file__, *map(str, words), "--output-path", str(place)])
            assert tool.main() == 0
    finally:
        patch.undo()
    return place / "page.html", place / "accuracy" / "report.html"


def test_the_page_of_a_run_holds_everything_in_one_light_file(pages, place):
    text = pages[0].read_text(encoding="utf-8")
    page = Page(text)
    assert foreign_loads(page) == []
    headings = [heading.text for heading in page.root.all("h2")]
    assert headings == [
        *("Swaps", "Swap fidelity", "Distribution", "Re-identification", "Not measured", "CMC"),
        *("Best retrievals", "Worst retrievals", "Swaps by identity score", "Curves", "Settings"),
        "How it was measured",
    ]
    alts = [image.attributes["alt"] for image in page.root.all("img")]
    swaps = [alt for alt in alts if alt.startswith("generated: clothes of person")]
    assert len(swaps) == len(set(swaps)) == 4 * 4
    assert "protocol: inside the person" in text.lower() and "re-ranking k-reciprocal" in text
    assert "iterations: 100000" in text, "the settings"
    assert "TPR at FPR 0.0001" in text and "it needs 30 pairs of one person" in text
    assert "encoder of small after 20 iterations" in text.partition("Best retrievals</h2>")[2][:800], "whose lists"
    # Of the reports of image quality the newest.
    cells = [[cell.text for cell in row.children] for row in page.root.all("tr")]
    assert ["FIDlower is better", "20"] in cells and not any(row[-1] == "10" for row in cells)
    assert file_hash(place / "outputs/small/checkpoints/checkpoint_00000020.pt") in text
    assert len(text) < 400_000


def test_the_report_of_an_accuracy(pages, place):
    found = read_report(place / "accuracy" / "report.json")
    assert 0 < found.value("Re-identification", "mAP") <= 100
    assert 0 < found.value("Re-identification", "mAP, re-ranked") <= 100
    assert found.splits["query"]["identities"] == 4 and found.splits["train"]["images"] == 12
    assert list(found.checkpoints.values()) == [file_hash(place / "outputs/small/checkpoints/checkpoint_00000020.pt")]
    assert foreign_loads(Page(pages[1].read_text(encoding="utf-8"))) == []


def test_saved_features_give_the_same_figures(pages, place, monkeypatch, capsys):
    options = ("--name", "small", "--k1", 5, "--report", place / "again", "--features", place / "saved.npz")
    status, _, said = answer(evaluate_reid, monkeypatch, capsys, *options, "--output-path", place)
    assert status == 0, said
    first, again = (read_report(place / folder / "report.json") for folder in ("accuracy", "again"))
    assert first.metrics == again.metrics and first.checkpoints == again.checkpoints


def test_query_expansion_and_single_gallery_shot_are_named(pages, place, monkeypatch, capsys):
    options = ("--name", "small", "--k1", 5, "--output-path", place, "--report")
    expansion = ("--expansion", 2, "--expansion-alpha", 3)
    status, printed, said = answer(evaluate_reid, monkeypatch, capsys, *options, place / "expanded", *expansion)
    assert status == 0, said
    expanded = [m for m in read_report(place / "expanded" / "report.json").metrics if m.section == "Re-identification"]
    assert len(expanded) == 12
    assert all(one.protocol.endswith(", query expansion by 2 neighbors, alpha=3.0") for one in expanded)
    drawn = ("--protocol", "single-gallery-shot", "--repetitions", 3, "--seed", 5)
    status, printed, said = answer(evaluate_reid, monkeypatch, capsys, *options, place / "drawn", *drawn)
    assert status == 0, said
    assert printed.count("by single-gallery-shot, ") == 2 and "mAP" not in printed.split("report.html")[0]
    metrics = [m for m in read_report(place / "drawn" / "report.json").metrics if m.section == "Re-identification"]
    assert {one.name for one in metrics} >= {"rank 1", "rank 1, re-ranked"}
    assert all(", 3 galleries of " in one.protocol and "from seed 5" in one.protocol for one in metrics)


def test_a_page_leaves_out_figures_of_other_images(place, tmp_path, monkeypatch, capsys):
    """The same checkpoint, measured on another data set."""
    config, run = settings(place), tmp_path / "outputs" / "small"
    dataset = open_dataset(config.data, Distributed.start("cpu"))
    store(run, small_generator(), 20, config=resolved(config), identities=list(dataset.identities))
    truth = labeled_digest([*dataset.query, *dataset.gallery])
    for digest, shown in ((truth, True), ("0" * 64, False)):
        metric = MetricValue("Distribution", "FID", 77.0, protocol="clean", better="lower")
        measured = Report("Quality", [metric], "evaluate_gan", data={"query and gallery": digest})
        write_report(measured, run / "evaluation" / "00000020", overwrite=True)
        words = ("--name", "small", "--output-path", tmp_path, "--without-accuracy", "--overwrite")
        assert answer(report, monkeypatch, capsys, *words)[0] == 0
        text = (run / "page.html").read_text(encoding="utf-8")
        assert (">77<" in text) == shown and ("they are of other images or labels than this page" in text) != shown


def test_the_swaps_are_of_the_images_that_show_swap_takes(place, monkeypatch):
    stored, taken = find_generator("small", place), []
    dataset = read_dataset(Path(stored.config.data.root))
    monkeypatch.setattr(report, "ImageCache", lambda paths: taken.append(list(paths)) or ImageCache(paths))
    report.swaps_of_people(stored, dataset)
    options = visual_parser("").parse_args(["--name", "small", "--output-path", str(place)])
    assert taken == [draw_people(options, stored.config.data, 7)]
    assert len({path.name.split("_")[1] for path in taken[0]}) > 1  # people seen by several cameras


@pytest.mark.parametrize(
    ("tool", "options", "words"),
    [
        (report, ("--name", "small", "--to", "{place}/page.html"), mentions("already", "page.html")),
        (report, ("--name", "nobody"), "outputs; the runs there: small"),
        (
            evaluate_reid,
            ("--name", "small", "--report", "{place}/accuracy"),
            mentions("report", "already", "report.html"),
        ),
        (evaluate_reid, ("--name", "nobody"), "outputs; the runs there: small"),
        (evaluate_reid, ("--name", "small", "--data", "{place}/nowhere"), "nowhere: no such folder"),
        (evaluate_reid, ("--name", "small", "--k1", "1000"), "--k1 must be at most "),
        (evaluate_reid, ("--name", "small", "--k2", "1000"), "--k2 must be at most "),
        (evaluate_reid, ("--name", "small", "--expansion", "1000"), "--expansion must be at most "),
        (evaluate_reid, ("--name", "small", "--seed", "0"), "belongs to --protocol single-gallery-shot"),
        (evaluate_reid, ("--name", "small", "--expansion-alpha", "2"), "--expansion-alpha weighs the images"),
        (
            evaluate_reid,
            ("--name", "small", "--protocol", "single-gallery-shot", "--expansion", "2"),
            "every protocol but single-gallery-shot",
        ),
    ],
)
def test_bad_input_is_one_sentence(tool, options, words, pages, place, monkeypatch, capsys):
    monkeypatch.setattr("eval.reid.dataset_features.features_of", None)  # nothing is extracted before
    before = pages[0].read_bytes()
    given = [option.format(place=place) for option in options]
    status, _, said = answer(tool, monkeypatch, capsys, *given, "--output-path", place)
    # What the data set holds may have been said before.
    sentences = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == 2 and sentences == said.splitlines()[-1:] and re.search(words, sentences[0])
    assert pages[0].read_bytes() == before


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--k1", "0", "a whole number of at least 1"),
        ("--k2", "-3", "a whole number of at least 1"),
        ("--lambda", "1.5", "a number from 0 to 1"),
        ("--lambda", "nan", "a number from 0 to 1"),
        ("--expansion", "0", "a whole number of at least 1"),
        ("--expansion-alpha", "-1", "a number of at least 0"),
        ("--repetitions", "0", "a whole number of at least 1"),
        ("--seed", "-1", "a whole number of at least 0"),
    ],
)
def test_numbers_out_of_range_are_refused_with_the_options(option, value, allowed, monkeypatch, capsys):
    status, _, said = answer(evaluate_reid, monkeypatch, capsys, "--name", "nobody", f"{option}={value}")
    assert status == 2 and f"argument {option}: must be {allowed}, got '{value}'" in said


@pytest.mark.browser
def test_in_a_browser(pages, tmp_path):
    with chromium(tmp_path / "profile") as driver:
        for page in pages:
            for width, height in (DESK, PHONE):
                size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                driver.get(page.as_uri())
                asked = {a for a in requested(driver) if a.startswith(("http", "ws", "ftp", "file"))}
                assert asked == {page.as_uri()}
                wide = "document.documentElement.scrollWidth <= innerWidth"
                assert driver.execute_script(f"return {wide}"), f"{page.name} is wider than {width} pixels"
                broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
                assert driver.execute_script(f"return {broken}") == 0
        looks(driver)
        keys(driver)
        tree = json.dumps(driver.execute_cdp_cmd("Accessibility.getFullAXTree", {}))
        for role in ("table", "columnheader", "rowheader", "navigation", "main", "list"):
            assert f'"value": "{role}"' in tree, role


def looks(driver):
    """By day and by night the page has colors of its own."""
    grounds = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        grounds.append(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 28)"]


def keys(driver):
    """The keyboard reaches the pictures, shows them large within the window, and nothing else moves."""
    driver.execute_script("document.querySelector('.place img').parentNode.scrollIntoView({block: 'center'})")
    box = "const b = e => e.getBoundingClientRect(); const i = document.querySelector('.place img');"
    before = driver.execute_script(f"{box} return [b(i).height, b(i.parentNode).height, document.body.scrollHeight]")
    driver.execute_script("document.querySelector('.place img').focus()")
    after = driver.execute_script(f"{box} return [b(i).height, b(i.parentNode).height, document.body.scrollHeight]")
    assert after[0] > 1.5 * before[0] and after[1:] == before[1:]
    inside = (
        "const r = b(document.activeElement); return r.left >= 0 && r.right <= innerWidth && r.bottom <= innerHeight"
    )
    assert driver.execute_script(f"{box} {inside}")
    driver.execute_script("document.activeElement.blur()")
    assert driver.execute_script(f"{box} return b(i).height") == before[0]
