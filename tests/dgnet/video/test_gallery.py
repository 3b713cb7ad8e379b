"""A gallery: what stands in it, that it appears whole, and that a stopped work ends as if it had not been."""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.images import print_passed_over
from dgnet.data.datasets import read_dataset
from dgnet.video.box_files import read_boxes
from dgnet.video.detectors import BoxFile
from dgnet.video.film import Film
from dgnet.video.find import FoundPeople, find_people
from dgnet.video.frame_folder import FrameFolder
from dgnet.video.frame_log import FrameLog
from dgnet.video.gallery import (
    COLUMNS,
    TABLE,
    is_gallery,
    read_gallery,
    renumber_identities,
)
from dgnet.video.gallery_labels import gallery_labels
from dgnet.video.linking import GivenTracks, Linker, TrackerLinker
from dgnet.video.source_writer import SourceWriter
from dgnet.video.tracks import pooled_tracks
from tests.dgnet.video.films import mot_lines, pedestrian, place_of, scene, write_film
from tests.messages import mentions

FRAMES = 6


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "walk.mkv", [scene(number) for number in range(FRAMES)])


@pytest.fixture
def find(film: Path, tmp_path: Path):
    def found(
        text: str, name: str = "walk", *, linker: Linker | None = None, stop_after: int = 0, **options
    ) -> FoundPeople:
        path = tmp_path / f"{name}.txt"
        path.write_text(text)
        camera, embed = options.pop("camera", None), options.pop("embed", None)
        options = {"resume": False, **options}
        writer = SourceWriter(tmp_path / "people", name, {"boxes": text}, **options)
        count = iter(range(1, 1000))
        return find_people(
            Film(film),
            BoxFile(read_boxes(path)),
            linker or GivenTracks(),
            writer,
            embed=embed,
            camera=camera,
            should_stop=lambda: next(count) == stop_after,
        )

    return found


def content(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_crops_are_the_people_and_rows_tell_where_they_were(find, tmp_path: Path) -> None:
    found = find(mot_lines(FRAMES))
    rows = list(read_gallery(tmp_path / "people"))
    assert found.finished and found.summary["crops"] == len(rows) == 2 * FRAMES
    assert {(row.source, row.camera, row.track, row.identity) for row in rows} == {("walk", 1, 1, 1), ("walk", 1, 2, 2)}
    for row in rows:
        assert row.place == place_of(row.track, row.frame) and row.time == pytest.approx(row.frame / 5)
        crop = np.asarray(Image.open(row.path)).astype(int)
        # JPEG, so nearly.
        assert crop.shape == (32, 16, 3) and np.abs(crop - pedestrian(row.track)).mean() < 3
        assert row.score == 0.9 and row.quality == 1
    lines = (tmp_path / "people/walk/boxes.txt").read_text()
    assert lines == mot_lines(FRAMES)
    assert json.loads((tmp_path / "people/walk/source.json").read_text())["last_time"] == 1


def test_a_gallery_is_a_data_set(find, tmp_path: Path) -> None:
    find(mot_lines(FRAMES))
    find(mot_lines(FRAMES), "door")
    for place in (tmp_path / "people", tmp_path / "people/people.csv"):
        data = read_dataset(place)
        assert {(record.identity, record.camera) for record in data.train} == {(1, 1), (2, 1), (3, 2), (4, 2)}
        assert len(data.train) == 4 * FRAMES and all(record.path.is_file() for record in data.train)
    renumber_identities(tmp_path / "people", lambda source, track: track)
    assert read_dataset(tmp_path / "people").identities == (1, 2)


def test_the_tables_of_a_gallery_are_no_unread_files(find, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    find(mot_lines(FRAMES))
    print_passed_over(tmp_path / "people")
    assert not capsys.readouterr().err
    (tmp_path / "people" / "walk" / "000001" / "photograph.heic").touch()
    print_passed_over(tmp_path / "people")
    assert "12 images; passed over: 1 .heic" in capsys.readouterr().err


def test_boxes_beyond_the_border(find, tmp_path: Path) -> None:
    """Clipped for the crop alone; a box outside has neither a crop nor a row, and is counted."""
    found = find("1,1,-8,2,16,32,1\n1,2,500,2,16,32,1\n2,3,80,2,16.5,32,1\n")
    first, second = read_gallery(tmp_path / "people")
    assert first.place == (-8, 2, 16, 32) and first.quality == 0.5
    assert Image.open(first.path).size == (8, 32) and Image.open(second.path).size == (16, 32)
    assert (found.summary["boxes"], found.summary["boxes_outside"], found.summary["tracks"]) == (3, 1, 2)
    assert len((tmp_path / "people/walk/boxes.txt").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [("1,1,500,2,16,32,1\n2,1,-90,0,9,9,1\n", ("2", "outside", "96x64")), ("99,1,5,5,9,9,1\n", (FRAMES, "frames"))],
)
def test_where_nobody_is_found_nothing_is_left(find, tmp_path: Path, text: str, named: tuple) -> None:
    with pytest.raises(UserError, match=mentions("walk", *named)):
        find(text)
    assert not (tmp_path / "people").exists()


def test_boxes_after_the_last_frame_are_told(find) -> None:
    found = find(mot_lines(FRAMES + 2))
    assert len(found.remarks) == 1 and "4 boxes" in found.remarks[0]


@pytest.mark.parametrize("linked", ["no", "by motion", "by appearance"])
@pytest.mark.parametrize("stop_after", [1, 3, FRAMES])
def test_a_stopped_work_ends_like_one_that_was_not(find, tmp_path: Path, stop_after: int, linked: str) -> None:
    def linker() -> Linker:
        if linked == "no":
            return GivenTracks()
        return TrackerLinker("bytetrack", similarity=0.99 if linked == "by appearance" else None)

    text = mot_lines(FRAMES, tracks=linked == "no")
    embedded: list[int] = []

    def embed(crops: Sequence[np.ndarray]) -> np.ndarray:
        embedded.append(len(crops))
        return np.stack([crop.mean((0, 1)) for crop in crops])

    find = partial(find, embed=embed)
    find(text, linker=linker())
    looked_at = list(embedded)
    assert bool(looked_at) == (linked == "by appearance")
    whole = content(tmp_path / "people")
    (tmp_path / "people").rename(tmp_path / "whole")
    assert not find(text, linker=linker(), stop_after=stop_after).finished
    assert not is_gallery(tmp_path / "people") and not list((tmp_path / "people").glob("[!.]*"))
    with pytest.raises(UserError, match=mentions("walk", "--resume")):
        find(text, linker=linker())
    with pytest.raises(UserError, match=mentions("walk", "another request", "boxes")):
        find(text + "\n", linker=linker(), resume=True)
    embedded.clear()
    assert find(text, linker=linker(), resume=True).finished
    assert content(tmp_path / "people") == whole and embedded == looked_at


def test_a_killed_work_goes_on_from_a_whole_frame(find, tmp_path: Path) -> None:
    find(mot_lines(FRAMES))
    whole = content(tmp_path / "people")
    (tmp_path / "people").rename(tmp_path / "whole")
    find(mot_lines(FRAMES), stop_after=3)
    progress = tmp_path / "people/.progress/walk"
    for name in ("rows.csv", "boxes.txt", "detections.csv", "frames.csv"):
        with open(progress / name, "ab") as file:
            file.write(b"3,0.6")
    find(mot_lines(FRAMES), resume=True)
    assert content(tmp_path / "people") == whole


def test_a_work_killed_while_it_is_added_is_added_once(find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("dgnet.video.gallery.write_table", fails)
        find(mot_lines(FRAMES))
    find(mot_lines(FRAMES), resume=True)
    assert len(list(read_gallery(tmp_path / "people"))) == 2 * FRAMES
    assert sorted(path.name for path in (tmp_path / "people").iterdir()) == ["people.csv", "walk"]


def test_crops_at_a_distance(find, tmp_path: Path) -> None:
    find(mot_lines(FRAMES), every=0.4, stop_after=3)
    find(mot_lines(FRAMES), every=0.4, resume=True)
    assert [(row.track, row.frame) for row in read_gallery(tmp_path / "people")] == [
        (track, frame) for frame in (0, 2, 4) for track in (1, 2)
    ]
    assert len((tmp_path / "people/walk/boxes.txt").read_text().splitlines()) == 2 * FRAMES


def test_a_track_lasts_to_its_last_box_not_to_its_last_crop(find, tmp_path: Path) -> None:
    find(mot_lines(FRAMES), every=0.4, stop_after=3)
    find(mot_lines(FRAMES), every=0.4, resume=True)
    find(mot_lines(FRAMES), "all")
    gallery = tmp_path / "people"

    def spans() -> list[tuple]:
        return [(track.begin, track.end) for track in pooled_tracks(gallery, lambda files: np.eye(len(files)))]

    times = [row.time for row in read_gallery(gallery) if (row.source, row.track) == ("all", 1)]
    assert len(times) == FRAMES and spans() == 4 * [(times[0], times[-1])]
    file = gallery / "walk/times.txt"
    for damaged in ("", "0\n", "0\nnan\n", "\0\n"):
        file.write_text(damaged)
        with pytest.raises(UserError, match=mentions("walk/times.txt", "damaged")):
            spans()
    file.unlink()  # a gallery of an earlier version
    assert spans() == 2 * [(times[0], times[4])] + 2 * [(times[0], times[-1])]


def test_a_source_is_in_a_gallery_once(find, tmp_path: Path) -> None:
    find(mot_lines(FRAMES), camera=7)
    before = content(tmp_path / "people")
    with pytest.raises(UserError, match=mentions("walk", "--source-name")):
        find(mot_lines(FRAMES))
    assert content(tmp_path / "people") == before
    find(mot_lines(FRAMES), "door")
    assert {(row.source, row.camera) for row in read_gallery(tmp_path / "people")} == {("walk", 7), ("door", 8)}


def test_other_folders_are_left_alone(find, tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people/photo.jpg").touch()
    with pytest.raises(UserError, match=mentions("people", "other files")):
        find(mot_lines(FRAMES))
    with pytest.raises(UserError, match=mentions("people", "people.csv")):
        list(read_gallery(tmp_path / "people"))


def test_a_damaged_table_is_told_before_the_work(find, tmp_path: Path) -> None:
    find(mot_lines(FRAMES))
    table = tmp_path / "people/people.csv"
    table.write_text(table.read_text()[:-20])
    with pytest.raises(UserError, match=mentions("people.csv", f"line {2 * FRAMES + 1}")):
        find(mot_lines(FRAMES), "door")
    assert not (tmp_path / "people/.progress").exists()


def test_a_log_that_lost_what_was_finished_is_refused(tmp_path: Path) -> None:
    log = FrameLog(tmp_path, ("rows.csv",))
    log.append("rows.csv", "a row\n")
    log.end_frame(0)
    log.close()
    assert list(FrameLog(tmp_path, ("rows.csv",)).parts("rows.csv")) == ["a row\n"]
    (tmp_path / "rows.csv").write_text("")
    with pytest.raises(UserError, match=mentions("rows.csv", "shorter")):
        FrameLog(tmp_path, ("rows.csv",))


def test_a_table_that_was_saved_by_another_program(tmp_path: Path) -> None:
    """With a byte-order mark or semicolons the people of the crops were unknown, without a word."""
    row = "s/000001/00000000.jpg,7,3,s,1,0,,1,2,3,4,,1.0000"
    crop = tmp_path / "s" / "000001" / "00000000.jpg"
    crop.parent.mkdir(parents=True)
    (tmp_path / "s" / "source.json").write_text("{}")
    text = f"{','.join(COLUMNS)}\n{row}\n"
    for content in (text, f"\ufeff{text}"):
        (tmp_path / TABLE).write_text(content, encoding="utf-8")
        assert gallery_labels([crop]) == {crop: (7, 3)}
    for content, words in (
        (text.replace(",", ";"), (TABLE, "path,identity")),
        (text.replace(",7,3,", f",{'9' * 20},3,"), (TABLE, "line 2", "18 digits")),
    ):
        (tmp_path / TABLE).write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=mentions(*words)):
            gallery_labels([crop])
    (tmp_path / "s" / "source.json").unlink()
    (tmp_path / TABLE).write_text("name,address\n")  # another list of people
    assert gallery_labels([crop]) == {}


def test_files_that_changed_are_another_work(tmp_path: Path) -> None:
    """A work was resumed whatever had become of its frames, as long as they were of the same size."""
    for number in (1, 2):
        Image.fromarray(scene(number)).save(tmp_path / f"{number}.bmp")
    before = FrameFolder(tmp_path).content()
    assert FrameFolder(tmp_path).content() == before
    (tmp_path / "1.bmp").rename(tmp_path / "3.bmp")  # another order
    assert FrameFolder(tmp_path).content() != before
    (tmp_path / "3.bmp").rename(tmp_path / "1.bmp")
    Image.fromarray(scene(3)).save(tmp_path / "2.bmp")
    assert FrameFolder(tmp_path).content() != before


@pytest.mark.parametrize("name", ["people.csv", "People.CSV", ".progress", ".lock"])
def test_names_of_the_gallery_s_own_files_name_no_source(find, tmp_path: Path, name: str) -> None:
    """The work was lost at its end, or its crops were removed with what had been in progress."""
    with pytest.raises(UserError, match=mentions("--source-name", name)):
        find(mot_lines(FRAMES), name)
    assert not (tmp_path / "people").exists()


def test_crops_at_a_distance_need_times(find, tmp_path: Path) -> None:
    """The distance was without effect, and a resumed work failed."""
    (tmp_path / "boxes.txt").write_text(mot_lines(1))
    Image.fromarray(scene(0)).save(tmp_path / "1.png")
    boxes = BoxFile(read_boxes(tmp_path / "boxes.txt"))
    writer = SourceWriter(tmp_path / "people", "walk", {}, resume=False, every=1)
    with pytest.raises(UserError, match=mentions("--crop-every 1", "--frame-rate")):
        find_people(FrameFolder(tmp_path), boxes, GivenTracks(), writer)
    assert not (tmp_path / "people").exists()


def test_a_source_whose_folder_was_removed_is_not_added_beside_its_rows(find, tmp_path: Path) -> None:
    """Its new crops stood under the old rows."""
    find(mot_lines(FRAMES))
    shutil.rmtree(tmp_path / "people/walk")
    before = content(tmp_path / "people")
    with pytest.raises(UserError, match=mentions(TABLE, "walk", "--source-name")):
        find(mot_lines(FRAMES, people=(1,)))
    assert content(tmp_path / "people") == before


def test_boxes_beyond_are_those_of_each_image_s_own_size(tmp_path: Path) -> None:
    """Boxes of larger images were said to reach beyond the first."""
    lines = ""
    for number in range(1, 4):
        picture = np.full((32 * number, 32 * number, 3), 128, np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
        lines += f"{number},{number},{32 * number - 30},{32 * number - 30},24,24,1\n"
    (tmp_path / "boxes.txt").write_text(lines)
    writer = SourceWriter(tmp_path / "people", "photos", {}, resume=False)
    found = find_people(FrameFolder(tmp_path), BoxFile(read_boxes(tmp_path / "boxes.txt")), GivenTracks(), writer)
    (sizes,) = found.remarks
    assert "3 sizes" in sizes and found.summary["crops"] == 3
