"""The explorer in a real browser: drop two images, press, compare; what it refuses; that nothing stays or leaves."""

import argparse
import contextlib
import io
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.generation.load import find_generator
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.models.swap import swap_all
from dgnet.video.gallery import BOXES, COLUMNS, write_table
from tests.messages import mentions
from tests.tools.browser import chromium, drop, requested
from tests.tools.evaluation_tool import answer
from tests.visual.small_run import write_run
from tools import explore
from visual.drawing.interpolate import between_appearances
from visual.image_input import read_images

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 150  # seconds: a busy machine takes its time


def wait_for(answer: Callable[[], Any], what: str) -> Any:
    from selenium.common.exceptions import StaleElementReferenceException

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        # The page may replace an element between finding it and reading it.
        with contextlib.suppress(StaleElementReferenceException):
            if found := answer():
                return found
        time.sleep(0.1)
    raise AssertionError(f"no {what} within {PATIENCE} s")


class Served:
    """A running explorer: its address, its folder of uploads."""

    def __init__(self, address: str, uploads: Path) -> None:
        self.address, self.uploads = address, uploads


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explorer")
    write_run(place)
    rows = []
    for track, file in enumerate(sorted((place / "people/query").iterdir())[:3], 1):
        path = f"hall/{track:06d}/00000000.png"
        (place / "found" / path).parent.mkdir(parents=True)
        (place / "found" / path).write_bytes(file.read_bytes())
        values = (path, track, 1, "hall", track, 250 * track, 10 * track, 0, 0, 48, 64, 0.9, 1)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    write_table(place / "found", rows)
    (place / "found/hall" / BOXES).write_text("".join(f"1,{track},0,0,48,64,0.9\n" for track in (1, 2, 3)))
    return place


@pytest.fixture(scope="module")
def served(place: Path) -> Iterator[Served]:
    pytest.importorskip("gradio", reason="the extra 'explorer' is not installed")
    words = [sys.executable, "tools/explore.py", "--output-path", str(place), "--neighbors", "12"]
    words += ["--people", str(place / "found")]
    before = upload_folders()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines[0].startswith("small after 30 iterations; 12 real images"), (lines, process.stderr)
        assert "found: 3 tracks, compared by DG-Net's encoder of small" in lines[1]
        address = lines[2].split()[2]
        (uploads,) = upload_folders() - before
        yield Served(address, uploads)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE)
    # What was uploaded is gone with the page, and a user's mistake is no traceback in the terminal.
    assert not uploads.exists() and "Traceback" not in said


def upload_folders() -> set[Path]:
    return set(Path("/dev/shm").glob("dgnet-explorer-*"))


class OpenPage:
    """What a person does with the page."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address
        driver.get(address)
        # It opens with two images and their swap.
        wait_for(lambda: self.shown() and len(self.all(".slot button[aria-label='Remove Image']")) == 2, "example")
        self.example = self.picture("")

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def remove(self, slot: str) -> None:
        """Make room in a slot."""
        for button in self.all(f"#{slot} button[aria-label='Remove Image']"):
            self.driver.execute_script("arguments[0].click()", button)
        wait_for(lambda: self.all(f"#{slot} button[aria-dropeffect]"), f"room in {slot}")

    def drop(self, slot: str, name: str, content: bytes) -> None:
        self.remove(slot)
        drop(self.driver, self.all(f"#{slot} button[aria-dropeffect]")[0], name, content)
        wait_for(lambda: self.all(f"#{slot} img"), f"image in {slot}")

    def press(self) -> np.ndarray:
        """Press "Swap" and wait for a picture that was not there before."""
        before = self.shown()
        self.all("#swap")[0].click()
        return self.picture(before)

    def shown(self) -> str:
        images = self.all("#result img")
        return images[0].get_attribute("src") if images else ""

    def picture(self, before: str) -> np.ndarray:
        address = wait_for(lambda: self.shown() != before and self.shown(), "generated image")
        with urllib.request.urlopen(address) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))

    def slide(self, slider: str, value: float) -> np.ndarray:
        before = self.shown()
        field = self.all(f"#{slider} input[type=number]")[0]
        self.driver.execute_script(
            "arguments[0].value = arguments[1];"
            "for (const kind of ['input', 'change', 'blur'])"
            "    arguments[0].dispatchEvent(new Event(kind, {bubbles: true}))",
            field,
            str(value),
        )
        return self.picture(before)


def same(shown: np.ndarray, direct: torch.Tensor) -> bool:
    """Equal but for the rounding of batches of other sizes."""
    return bool(np.abs(shown.astype(int) - direct.permute(1, 2, 0).numpy()).max() <= 1)


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_drop_press_compare_slide(place: Path, served: Served, tmp_path: Path) -> None:
    people = sorted((place / "people/query").iterdir())[:3]
    generator = find_generator("small", place).network
    appearance, structure, other = read_images(people, 64, 48).split(1)
    with chromium(tmp_path / "profile") as driver:
        page = OpenPage(driver, served.address)
        assert page.example.shape == (64, 48, 3) and "identity" in page.all("#scores")[0].text
        for slot, path in zip(("appearance", "structure"), people, strict=False):
            page.drop(slot, path.name, path.read_bytes())
        # The swap of other images does not stay beside these.
        wait_for(lambda: not page.shown(), "empty result")
        shown = page.press()
        assert same(shown, swap_all(generator, appearance, structure)[0, 0])
        assert not same(shown, swap_all(generator, structure, appearance)[0, 0])
        assert len(wait_for(lambda: page.all("#neighbors .grid-container img"), "neighbors")) == 6
        wait_for(lambda: "identity" in page.all("#scores")[0].text, "scores")

        slider = page.all("#appearance-weight input[type=number]")[0]
        assert not slider.is_enabled()
        page.drop("second-appearance", people[2].name, people[2].read_bytes())
        wait_for(slider.is_enabled, "slider towards the second image")
        shown = page.slide("appearance-weight", 0.25)
        direct = between_appearances(generator, appearance, other, structure, torch.tensor([0.25]))
        assert same(shown, direct[0, 0])
        # Chosen among the real images instead of dropped: likewise.
        page.driver.execute_script("arguments[0].click()", page.all("#examples button[aria-label^=Thumbnail]")[2])
        wait_for(lambda: not page.shown(), "empty result")
        assert page.press().shape == (64, 48, 3)
        page.remove("second-appearance")
        wait_for(lambda: not slider.is_enabled() and slider.get_attribute("value") == "0", "slider at rest")

        # No other host was asked for anything, fonts included.
        asked = {urlparse(address) for address in requested(driver)}
        hosts = {address.netloc for address in asked}
        assert hosts == {urlparse(served.address).netloc}
    assert served.uploads.stat().st_mode & 0o077 == 0 and any(served.uploads.rglob("*.png"))


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_what_is_no_image_of_a_person_is_refused_and_the_page_goes_on(
    place: Path, served: Served, tmp_path: Path
) -> None:
    path = sorted((place / "people/query").iterdir())[0]
    enormous, pixel = io.BytesIO(), io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(enormous, "PNG")
    Image.new("RGB", (1, 1)).save(pixel, "PNG")
    wrong = {
        "text.png": (b"not an image at all", "the JPEG, PNG, WEBP, BMP file: not a readable image"),
        "pixel.png": (pixel.getvalue(), "16 to 4096 pixels on each side"),
        "enormous.png": (enormous.getvalue(), "16 to 4096 pixels on each side"),
    }
    with chromium(tmp_path / "profile") as driver:
        for name, (content, sentence) in wrong.items():
            page = OpenPage(driver, served.address)
            page.drop("structure", path.name, path.read_bytes())
            page.drop("appearance", name, content)
            page.all("#swap")[0].click()
            wait_for(lambda sentence=sentence: sentence in driver.find_element("tag name", "body").text, sentence)
            assert not page.shown()
        page = OpenPage(driver, served.address)
        page.remove("appearance")
        page.all("#swap")[0].click()
        wait_for(lambda: "drop an image for the appearance" in driver.find_element("tag name", "body").text, "sentence")
        for slot in ("appearance", "structure"):
            page.drop(slot, path.name, path.read_bytes())
        assert page.press().shape == (64, 48, 3)


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_a_photograph_is_dropped_and_the_person_found(place: Path, served: Served, tmp_path: Path) -> None:
    """The page of tools/search.py appears in a frame: the tracks by similarity, the photograph's own first."""
    photograph = sorted((place / "people/query").iterdir())[1]
    with chromium(tmp_path / "profile") as driver:
        page = OpenPage(driver, served.address)
        tab = wait_for(lambda: [b for b in page.all("button[role=tab]") if b.text == "Where and when"], "tab")[0]
        tab.click()
        room = wait_for(lambda: page.all("#photograph button[aria-dropeffect]"), "room")[0]
        wait_for(room.is_displayed, "tab that is open")
        drop(driver, room, photograph.name, photograph.read_bytes())
        frame = wait_for(lambda: page.all("#found iframe"), "time lines")[0]
        driver.switch_to.frame(frame)
        assert [heading.text for heading in page.all("h3")] == ["Camera 1 (hall)"]
        first = [cell.text for cell in page.all("tbody tr:first-child > *")]
        assert (first[0], first[2], first[3], first[6]) == ("1", "1.0000", "0:20.0 to 0:20.0", "2")
        assert len(page.all("tbody tr")) == 3 and page.all(".at img")[0].is_displayed()
        driver.switch_to.default_content()

        # No other host was asked for anything.
        asked = {urlparse(address) for address in requested(driver)}
        hosts = {address.netloc for address in asked}
        assert hosts == {urlparse(served.address).netloc}
        page.remove("photograph")
        wait_for(lambda: not page.all("#found iframe"), "empty answer")
        drop(driver, page.all("#photograph button[aria-dropeffect]")[0], "text.png", b"not an image at all")
        sentence = "the JPEG, PNG, WEBP, BMP file: not a readable image"
        wait_for(lambda: sentence in driver.find_element("tag name", "body").text, sentence)


def test_only_this_machine_and_not_without_limits(served: Served) -> None:
    address = urlparse(served.address)
    assert address.hostname == "127.0.0.1"
    # Every address of 127.0.0.0/8 is this machine: one that listens on all of them would answer here, too.
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", address.port), timeout=5):
        pass
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        + bytes(9 * 2**20)
        + b"\r\n--x--"
    )
    request = urllib.request.Request(f"{served.address}gradio_api/upload", body)
    request.add_header("Content-Type", "multipart/form-data; boundary=x")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE)
    assert refused.value.code == 413
    assert not any(path.stat().st_size > 2**20 for path in served.uploads.rglob("*") if path.is_file())


def test_the_model_of_people_is_a_run_below_the_output(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "outputs/head").mkdir()
    save_model(place / "outputs/head/last.pth", build_model("resnet18", 3).eval(), [1, 2, 3], 64, 32)
    options = argparse.Namespace(people=place / "found", people_model="head", output_path=place)
    search = explore.people_search(find_generator("small", place, device="cpu"), options)
    assert "3 tracks, compared by resnet18 head/last.pth" in capsys.readouterr().out
    # A picture that no page holds at its size, or of one pixel, ends no search.
    for size in ((1, 4000), (1, 1)):
        assert search(torch.zeros(3, *size, dtype=torch.uint8)).count("<tr") == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--name", "nobody"], "nobody: no such run, and no run of that name below"),
        (["--port", "0"], mentions("--port", 1, 65535, 0)),
        (["--neighbors", "-1"], mentions("--neighbors", 0, "-1")),
        (["--people", "tools"], mentions("--people", "tools", "find_people")),
        (["--people-model", "x"], mentions("--people-model", "x", "--people")),
    ],
)
def test_bad_input_is_one_sentence(
    place: Path,
    options: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, printed, said = answer(explore, monkeypatch, capsys, "--output-path", place, *options)
    assert (status, printed) == (2, "")
    assert said.startswith("error: ") and re.search(sentence, said) and said.count("\n") == 1
