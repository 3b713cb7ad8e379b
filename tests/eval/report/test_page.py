"""Pages are well formed, complete in themselves, light, and readable by everybody."""

import base64
import io
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.reid.ranking import rank_metrics
from eval.report import page
from eval.report.accuracy import cmc_section
from eval.report.chart import charts, decades, line_chart, ticks
from eval.report.page import (
    Tile,
    beside,
    details,
    document,
    heading,
    in_order,
    listing,
    paragraph,
    picture_file,
    picture_pairs,
    picture_table,
    preformatted,
    section,
    table,
    tile,
)
from eval.report.report import MetricValue, Picture, Report, as_html
from tests.eval.reid.sides import sides
from tests.eval.report.pages import Page, foreign_loads
from tests.messages import mentions

STYLE = (Path(page.__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
HOSTILE = "</title><script>alert('\"1\"')</script><img src=http://a.b/c onerror=x>"


def photograph(seed: int, height: int = 128, width: int = 64) -> np.ndarray:
    """Smooth shapes with a little noise, about as hard to compress as a photograph."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (8, 4, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    return (smooth + draw.normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8).transpose(2, 0, 1)


def every_block(text: str) -> str:
    tiles = [Tile(photograph(seed), text, text, frame) for seed, frame in enumerate(("", "right", "wrong", "true"))]
    return document(
        text,
        [
            section(text, paragraph(text), table(text, [text, text], {"": [[text, text]], text: []})),
            section(text, details(text, preformatted(text)), listing(text, {text: text})),
            section(text, in_order(tiles, text), picture_table(text, text, tiles, [(tiles[0], tiles)])),
            section(
                text, picture_pairs([((tiles[0], tiles[1]), text, True)], text), beside(tile(tiles[0]), [heading(text)])
            ),
            section(text, charts([line_chart(text, {text: [(0, 1), (1, 2)], "b": [(0, 2), (1, 1)]}, text)])),
        ],
        [paragraph(text)],
    )


@pytest.mark.parametrize("text", ["plain", HOSTILE, "ünï & <b>", "\"'` {x} %s \\ \x00"])
def test_every_block_is_well_formed_and_fetches_nothing(text):
    page = Page(every_block(text))
    assert foreign_loads(page) == []
    assert page.root.all("h1")[0].text == text.replace("\x00", "\ufffd") or page.root.all("h1")[0].text == text
    assert len(page.root.all("h2")) == 5 and len(page.root.all("img")) == 4 + 4 + 1 + 4 + 3


def test_the_check_finds_what_it_looks_for():
    whole = every_block("x")
    for wrong in ('<script src="a.js"></script>', '<img src="http://a/b" alt="">', '<p onclick="a">b</p>'):
        assert foreign_loads(Page(whole.replace("</main>", f"{wrong}</main>")))
    assert foreign_loads(Page(whole.replace("<style>", "<style>@import 'a';")))
    for wrong in ("<p>", "</p>", '<p id="content"></p>'):
        with pytest.raises(AssertionError):
            Page(whole.replace("</main>", f"{wrong}</main>"))


def test_tables_and_pictures_speak():
    page = Page(every_block("x"))
    for element in page.root.all("table"):
        assert element.children[0].name == "caption" and element.children[0].text.strip()
        assert all("scope" in header.attributes for header in element.all("th"))
    assert all(image.attributes["alt"].strip() for image in page.root.all("img"))
    assert all(drawing.attributes.get("aria-label") or "aria-hidden" in drawing.attributes
               for drawing in page.root.all("svg"))  # fmt: skip
    assert page.root.all("html")[0].attributes["lang"] == "en"
    assert {link.attributes["href"] for link in page.root.all("a")} == {
        "#content",
        *(f"#part-{i}" for i in range(1, 6)),
    }
    # Right and wrong are told apart without colors.
    assert "✓ x" in page.text and "✗ x" in page.text


def test_pictures_are_what_they_were_and_light():
    image = photograph(3)
    page = Page(document("t", [section("s", in_order([Tile(image, "a person")] * 100, "h"))]))
    (source,) = {element.attributes["src"] for element in page.root.all("img")}
    kind, content = source.split(",")
    assert kind == "data:image/webp;base64"
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")).transpose(2, 0, 1)
    assert back.shape == image.shape
    assert np.abs(back.astype(float) - image).mean() < 6
    # A hundred pedestrians of 128x64 are lighter than one photograph from a telephone.
    assert len(page.text) < 600_000
    size = int(re.search(r"One file of ([\d,]+) kB", page.text)[1].replace(",", ""))
    assert abs(size - len(page.text.encode()) / 1000) < 2


def test_a_picture_longer_than_webp_has_room_for_is_shown_smaller():
    page = Page(document("t", [section("s", in_order([Tile(np.zeros((3, 1, 20000), np.uint8), "x")], "h"))]))
    (element,) = page.root.all("img")
    with Image.open(io.BytesIO(base64.b64decode(element.attributes["src"].split(",")[1]))) as picture:
        assert picture.size == (16383, 1)


def test_a_tile_must_be_a_picture(tmp_path):
    with pytest.raises(ValueError, match=mentions("uint8", "[3", "float64", "(3, 2, 2)")):
        in_order([Tile(np.zeros((3, 2, 2)), "x")], "h")
    (tmp_path / "x.png").write_text("no picture")
    for name, reason in (("x.png", "not a readable image"), ("nothing.png", "no such file")):
        with pytest.raises(ValueError, match=f"{name}: {reason}"):
            picture_file(tmp_path / name, "x")


@pytest.mark.slow
def test_a_report_becomes_a_page(tmp_path):
    Image.fromarray(photograph(0, 900, 2400).transpose(1, 2, 0)).save(tmp_path / "swaps.png")
    metrics = [
        MetricValue(HOSTILE, "mAP, ours", 81.234, "%", "standard", "A note.", "higher"),
        MetricValue(HOSTILE, "mAP, theirs", 80.0, "%", "dgnet"),
        MetricValue(HOSTILE, "rank 1, ours", 90.0, "%", "standard"),
    ]
    report = Report(HOSTILE, metrics, command=HOSTILE, counts={HOSTILE: 3}, splits={"query": {"images": 7}},
                    checkpoints={HOSTILE: "ab" * 32}, pictures=[Picture("swaps.png", HOSTILE)],
                    not_measured={HOSTILE: "no weights"}, machine={"processor": "abacus"})  # fmt: skip
    page = Page(as_html(report, tmp_path, [section("More", paragraph("words"))]))
    assert foreign_loads(page) == []
    assert [heading.text for heading in page.root.all("h2")] == [
        "Pictures",
        HOSTILE,
        "Not measured",
        "More",
        "How it was measured",
    ]
    shown = page.root.all("table")[0]
    rows = [[cell.text for cell in row.children] for row in shown.all("tr")]
    assert rows == [
        ["metric", "value"],
        ["Protocol: standard"],
        ["mAP, oursA note; higher is better", "81.2 %"],
        ["rank 1, ours", "90.0 %"],
        ["Protocol: dgnet"],
        ["mAP, theirs", "80.0 %"],
    ]
    for text in ("abacus", "ab" * 32, "7 images", "no weights"):
        assert text in page.root.text or any(text in element.text for element in page.elements())
    (image,) = page.root.all("img")
    assert int(image.attributes["width"]) == 1600, "a picture wider than any screen is made smaller"


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    """WCAG 2's contrast ratio, 1..21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_is_enough_by_day_and_by_night():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    schemes = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colors = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", scheme))
        for ground in ("paper", "shade"):
            for text in ("ink", "soft", "link", "right", "wrong"):
                assert contrast(colors[ground], colors[text]) >= 4.5, (ground, text)
            for line in ("line-1", "line-2", "line-3", "line-4", "true"):
                assert contrast(colors[ground], colors[line]) >= 3, (ground, line)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.2, 0.9), (-3.0, 17), (5, 5), (0, 0), (1e-9, 3e-9), (0, 100000)])
def test_ticks_are_round_and_cover_the_values(low, high):
    found = ticks(low, high, 4)
    assert 2 <= len(found) <= 7 and found[0] <= low + 1e-12 and found[-1] >= high - 1e-12
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])
    assert round(float(f"{steps[0]:.3e}".split("e")[0])) in (1, 2, 5)
    assert decades(0.002, 30) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100])


def test_a_chart_shows_its_points():
    drawing = line_chart("CMC", {"a": [(1, 0.5), (2, 0.75), (3, 1.0)]}, "rank")
    points = re.search(r'<polyline class="series-1" points="([^"]+)"', drawing)[1].split()
    xs, ys = zip(*(map(float, point.split(",")) for point in points), strict=True)
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1]) and ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.11)
    assert ys[0] > ys[2], "more is higher"
    assert 'aria-label="CMC over rank. a: from 0.5 at 1 to 1 at 3"' in drawing
    assert "<polygon" not in drawing


def test_steps_hold_a_value_until_the_next():
    drawing = line_chart("CMC", {"a": [(1, 50), (2, 50), (3, 100)]}, "rank", log=False, steps=True)
    points = re.search(r'<polyline class="series-1" points="([^"]+)"', drawing)[1].split()
    xs, ys = zip(*(map(float, point.split(",")) for point in points), strict=True)
    assert len(points) == 5
    # Between two points one coordinate stays: nothing is slanted.
    assert all(a == b or c == d for a, b, c, d in zip(xs, xs[1:], ys, ys[1:], strict=False))
    assert ys[0] == ys[3] > ys[4] and xs[3] == xs[4] == max(xs)


def test_charts_of_one_span_have_one_axis():
    long, late = [(1, 0.5), (101, 0.25)], [(51, 3.0), (101, 2.0)]

    def places(points):
        drawing = line_chart("loss", {"a": points}, "iteration", span=(1, 101))
        axis = re.findall(r'<text x="([\d.]+)" y="188" text-anchor="middle">(\d+)<', drawing)
        line = re.search(r'<polyline class="series-1" points="([^"]+)"', drawing)[1].split()
        return axis, [float(point.split(",")[0]) for point in line]

    (axis, whole), (same, half) = places(long), places(late)
    assert axis == same and len(axis) > 2
    assert half[1] == whole[1] and half[0] == pytest.approx(sum(whole) / 2, abs=0.11)


def test_a_line_of_one_point_is_a_dot():
    drawing = line_chart("loss", {"a": [(20, 0.5)]}, "iteration")
    assert '<circle class="series-1"' in drawing and "<polyline" not in drawing


def test_a_cmc_is_drawn_in_steps():
    random = np.random.default_rng(0)
    columns = (
        random.normal(size=(4, 8)),
        [1, 2, 3, 4],
        [1] * 4,
        random.normal(size=(12, 8)),
        [1, 2, 3, 4] * 3,
        [2] * 12,
    )
    shown = cmc_section({"plain": rank_metrics(*sides([np.asarray(column) for column in columns]))}).body
    points = re.search(r'<polyline class="series-1" points="([^"]+)"', shown)[1].split()
    places = [tuple(map(float, point.split(","))) for point in points]
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(places)) and len(places) == 23


def test_many_points_become_their_means_with_a_band():
    points = [(i, float(i % 2)) for i in range(1000)]
    drawing = line_chart("noise", {"a": points}, "iteration")
    line = re.search(r'<polyline class="series-1" points="([^"]+)"', drawing)[1].split()
    assert len(line) == 100 and len({point.split(",")[1] for point in line}) == 1
    assert "<polygon" in drawing and len(drawing) < 6000


def test_what_no_chart_can_show():
    with pytest.raises(ValueError, match=mentions("finite", "point", "'a'")):
        line_chart("t", {"a": [(0, float("nan"))]}, "x")
    with pytest.raises(ValueError, match=mentions("lines", 4, 5)):
        line_chart("t", {str(i): [(0, 1)] for i in range(5)}, "x")
    assert "nan" not in line_chart("t", {"a": [(0, float("nan")), (1, 2.0)]}, "x")
    # Values of several powers of ten stand on a logarithmic axis.
    assert ">100<" in line_chart("t", {"a": [(0, 0.01), (1, 100.0)]}, "x")
