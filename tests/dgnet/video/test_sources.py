"""Frames of films, folders and streams: each once, upright, with its own time; damage is counted."""

import gc
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.video.camera import Camera
from dgnet.video.film import Film, rotated
from dgnet.video.frame_folder import FrameFolder
from dgnet.video.frames import Frame
from dgnet.video.sources import open_source
from tests.dgnet.video.films import HEIGHT, WIDTH, damage, scene, turned_midway, write_film
from tests.messages import mentions


def pictures(source) -> list[np.ndarray]:
    return [frame.read() for frame in source.frames()]


def marked(width: int = 32, height: int = 24) -> np.ndarray:
    """A picture that shows how it lies: its upper left quarter is red, its upper right one blue."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2, 0] = 255
    picture[: height // 2, width // 2 :, 2] = 255
    return picture


def by_ffmpeg(path: Path, height: int, width: int) -> np.ndarray:
    """The first frame as ffmpeg's own program shows it."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    words = [program, "-v", "error", "-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    content = subprocess.run(words, capture_output=True, check=True).stdout
    return np.frombuffer(content, np.uint8).reshape(height, width, 3)


def test_every_frame_once_in_rgb(tmp_path: Path) -> None:
    scenes = [scene(number) for number in range(7)]
    film = open_source(str(write_film(tmp_path / "walk.mkv", scenes)))
    frames = list(film.frames())
    assert [frame.index for frame in frames] == list(range(7))
    assert all(np.array_equal(frame.read(), picture) for frame, picture in zip(frames, scenes, strict=True))
    assert (film.name, film.remarks(), film.rate()) == ("walk", [], 5)
    assert len(list(film.frames())) == 7  # again from the beginning


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_times_are_those_of_the_container(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.2, 0.3, 1.0, 4.5]
    path = write_film(tmp_path / f"walk{suffix}", [scene(number) for number in range(5)], times=times)
    assert [frame.time for frame in Film(path).frames()] == pytest.approx(times, abs=1e-3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_picture_is_upright(tmp_path: Path, rotation: int) -> None:
    path = write_film(tmp_path / "phone.mp4", [marked()] * 2, rotation=rotation)
    (upright, _) = pictures(Film(path))
    expected = by_ffmpeg(path, *upright.shape[:2])
    assert upright.shape == ((24, 32, 3) if rotation % 180 == 0 else (32, 24, 3))
    assert np.abs(upright.astype(int) - expected).mean() < 4
    assert (np.abs(upright.astype(int) - marked()).mean() < 20) == (rotation == 0) if rotation % 180 == 0 else True


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        ("rotate=90", lambda upright: np.rot90(upright, -1)),
        ("rotate=180", lambda upright: upright[::-1, ::-1]),
        ("flip=vertical", lambda upright: upright[::-1]),
        ("flip=horizontal", lambda upright: upright[:, ::-1]),
    ],
)
def test_a_film_that_turns_midway_stays_upright_and_says_so(
    tmp_path: Path, orientation: str, stored: Callable[[np.ndarray], np.ndarray]
) -> None:
    """`rotation` of PyAV is 0 for a mirror image about the horizontal axis, and that of a half turn for one about the
    vertical axis: the people of such films stood on their heads."""
    turned = np.ascontiguousarray(stored(marked(32, 32)))
    film = Film(turned_midway(tmp_path / "film.h264", ([marked(32, 32)] * 2, ""), ([turned], orientation)))
    assert [np.abs(picture.astype(int) - marked(32, 32)).mean() < 20 for picture in pictures(film)] == [True] * 3
    assert [remark for remark in film.remarks() if "its rotation changes at frame 2" in remark]
    film = Film(turned_midway(tmp_path / "film.h264", ([turned], orientation)))
    assert len(pictures(film)) == 1 and "rotation" not in " ".join(film.remarks())


@pytest.mark.parametrize(
    "flips", [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, -1, 0)]
)
def test_display_matrices_against_a_loop(flips: tuple[int, int, int, int]) -> None:
    a, b, c, d = flips
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    places = {(a * x + c * y, b * x + d * y): picture[y, x] for y in range(2) for x in range(3)}
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    for (x, y), pixel in places.items():
        assert np.array_equal(rotated(picture, *flips)[y - top, x - left], pixel)


def test_a_slanted_film_is_refused() -> None:
    with pytest.raises(UserError, match=mentions("quarters", 46341)):
        rotated(marked(), 46341, 46341, -46341, 46341)


@pytest.mark.parametrize(("suffix", "count"), [(".avi", 19), (".mp4", 20)])
def test_damaged_frames_are_counted_and_passed_over(tmp_path: Path, suffix: str, count: int) -> None:
    """What does not decode is no frame; what the decoder calls corrupt is one without a picture."""
    path = write_film(tmp_path / f"walk{suffix}", [scene(number) for number in range(20)])
    whole = Film(path)
    assert len(pictures(whole)) == 20 and not whole.remarks()
    film = Film(damage(path, 10))
    frames = list(film.frames())
    assert [frame.index for frame in frames] == list(range(count))
    assert [frame.index for frame in frames if frame.read() is None] == ([10] if count == 20 else [])
    assert any(mention in " ".join(film.remarks()) for mention in ("1 packets", "1 frames"))
    times = [frame.time for frame in frames]
    assert times == pytest.approx([number / 5 for number in range(20) if number != 10 or count == 20])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_film_that_begins_later_has_its_own_length(tmp_path: Path, suffix: str) -> None:
    """Matroska's duration counts from 0: films cut out of others were said to lack their end."""
    times = [3 + number / 5 for number in range(5)]
    film = Film(write_film(tmp_path / f"walk{suffix}", [scene(number) for number in range(5)], times=times))
    assert [frame.time for frame in film.frames()] == pytest.approx([number / 5 for number in range(5)], abs=1e-3)
    assert (film.remarks(), film.expected()) == ([], 5)


@pytest.mark.parametrize(("suffix", "told"), [(".avi", "20"), (".mkv", "4.000")])
def test_a_film_that_ends_in_the_middle(tmp_path: Path, suffix: str, told: str) -> None:
    path = write_film(tmp_path / f"walk{suffix}", [scene(number) for number in range(20)])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    film = Film(path)
    count = sum(1 for _ in film.frames())
    assert 3 < count < 18
    assert str(count) in film.remarks()[-1] and told in film.remarks()[-1]


def test_what_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("a text\n" * 50)
    (tmp_path / "empty.mp4").touch()
    Image.fromarray(marked()).save(tmp_path / "still.png")
    (tmp_path / "still.png").rename(tmp_path / "still.mp4")
    write_film(tmp_path / "whole.mp4", [scene(0)] * 5)
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 3 // 4])
    for name in ("notes.mp4", "empty.mp4", "still.mp4", "cut.mp4", "nothing.mp4"):
        with pytest.raises(UserError, match=mentions(name)):
            list(open_source(str(tmp_path / name)).frames())
    Image.fromarray(marked()).save(tmp_path / "photo.jpg")
    with pytest.raises(UserError, match=mentions("photo.jpg", "still")):
        open_source(str(tmp_path / "photo.jpg"))
    with pytest.raises(UserError, match="--frame-rate"):
        open_source(str(tmp_path / "whole.mp4"), rate=5)


def test_a_film_without_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "walk.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "bgr0"
        container.start_encoding()
    damage(write_film(tmp_path / "damaged.mkv", [scene(0)], codec="libx264"), 0)
    with pytest.raises(UserError, match=mentions("damaged.mkv", "frames")):
        list(open_source(str(tmp_path / "damaged.mkv")).frames())
    with pytest.raises(UserError, match=mentions("walk.mkv")):
        list(open_source(str(tmp_path / "walk.mkv")).frames())


def write_frames(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(scene(number)).save(folder / name)
    return folder


def test_a_folder_in_the_order_of_numbers(tmp_path: Path) -> None:
    source = FrameFolder(write_frames(tmp_path / "walk", ["f1.png", "f2.png", "f10.png"]), rate=2)
    frames = list(source.frames())
    assert [(frame.index, frame.time) for frame in frames] == [(0, 0), (1, 0.5), (2, 1)]
    assert all(np.array_equal(frame.read(), scene(number)) for number, frame in enumerate(frames))
    assert [path.name for path in source.gap() or ()] == ["f2.png", "f10.png"]
    assert [frame.time for frame in FrameFolder(tmp_path / "walk").frames()] == [None] * 3


def test_a_sequence_of_the_mot_challenge(tmp_path: Path) -> None:
    write_frames(tmp_path / "MOT17-02" / "img1", ["000001.jpg", "000002.jpg"])
    (tmp_path / "MOT17-02" / "seqinfo.ini").write_text("[Sequence]\nframeRate=4\n")
    for folder in (tmp_path / "MOT17-02", tmp_path / "MOT17-02" / "img1"):
        source = open_source(str(folder))
        assert [frame.time for frame in source.frames()] == [0, 0.25] and source.name == "MOT17-02"
        assert isinstance(source, FrameFolder) and source.gap() is None
    (tmp_path / "MOT17-02" / "seqinfo.ini").write_text("[Sequence]\nframeRate=fast\n")
    with pytest.raises(UserError, match=mentions("seqinfo.ini", "frameRate")):
        open_source(str(tmp_path / "MOT17-02"))


@pytest.mark.parametrize("name", ["frame_{}_cam2.png", "cam2_{}.png", "{}.png", "2024-05-01_shot{}_7_8.png"])
def test_the_number_of_a_frame_is_the_one_that_counts(tmp_path: Path, name: str) -> None:
    """Frames were said to have gaps where another number follows in their names."""
    for number in (9, 10, 11):
        Image.fromarray(scene(number)).save(tmp_path / name.format(number))
    folder = FrameFolder(tmp_path)
    assert (folder.gap(), folder.first()[1]) == (None, 9)
    (tmp_path / name.format(10)).unlink()
    gap = FrameFolder(tmp_path).gap()
    assert gap and [path.name for path in gap] == [name.format(9), name.format(11)]


def test_a_rate_that_is_none(tmp_path: Path) -> None:
    """An infinite rate put all frames at the same time."""
    Image.fromarray(scene(0)).save(tmp_path / "1.png")
    for rate in ("inf", "nan", "0", "1e9"):
        (tmp_path / "seqinfo.ini").write_text(f"[Sequence]\nframeRate={rate}\n")
        with pytest.raises(UserError, match=mentions("seqinfo.ini", "frameRate")):
            FrameFolder(tmp_path)


def test_a_damaged_image_is_a_frame_without_a_picture(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", ["1.png", "2.png", "3.png"])
    (folder / "2.png").write_bytes(b"no image")
    source = FrameFolder(folder)
    assert [picture is None for picture in pictures(source)] == [False, True, False]
    assert len(source.remarks()) == 1 and "2.png" in source.remarks()[0]


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions(tmp_path.name)):
        open_source(str(tmp_path))


def test_a_stream_that_breaks_off_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(write_film(tmp_path / "walk.mkv", [scene(number) for number in range(3)]))
    calls = []
    whole = Film.frames

    def breaking(film: Film):
        calls.append(film)
        if len(calls) > 1:
            raise UserError("nobody answers")
        yield from whole(film)

    monkeypatch.setattr(Film, "frames", breaking)
    camera = Camera(path, attempts=2, pause=0)
    frames: list[Frame] = list(camera.frames())
    assert [frame.index for frame in frames] == [0, 1, 2] and len(calls) == 3
    calls[:] = [None]
    with pytest.raises(UserError, match="nobody answers"):
        list(camera.frames())


def test_times_of_a_stream_go_on_after_a_break(tmp_path: Path) -> None:
    path = str(write_film(tmp_path / "walk.mkv", [scene(number) for number in range(3)]))
    camera = Camera(path, attempts=1, pause=0)
    frames = []
    for frame in camera.frames():
        frames.append(frame)
        if len(frames) == 7:
            break
    times = [frame.time for frame in frames]
    assert [frame.index for frame in frames] == list(range(7))
    assert times == sorted(set(times)) and len(camera.remarks()) == 1


def test_the_frame_of_a_film_has_its_size(tmp_path: Path) -> None:
    (picture,) = pictures(Film(write_film(tmp_path / "walk.mkv", [scene(0)])))
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.flags["C_CONTIGUOUS"]


def test_frames_do_not_wait_for_the_garbage_collector(tmp_path: Path) -> None:
    """Their pixels would: the collector counts objects, not bytes."""
    film = Film(write_film(tmp_path / "walk.mkv", [scene(number) for number in range(12)]))
    gc.collect()
    gc.disable()
    try:
        for frame in film.frames():
            assert frame.read() is not None
        del frame
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        widths = [waiting.width for waiting in gc.garbage if isinstance(waiting, av.VideoFrame)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert len(widths) == 12 and max(widths) < WIDTH  # small copies, whose display matrix was asked for


def test_a_film_whose_size_and_times_change_midway_says_so(tmp_path: Path) -> None:
    """Two recordings in one file: nothing was said, and the times of people went back."""
    parts = [np.full(shape, 90, np.uint8) for shape in ((48, 64, 3), (64, 96, 3))]
    files = [write_film(tmp_path / f"{number}.ts", [part] * 5) for number, part in enumerate(parts)]
    (tmp_path / "both.ts").write_bytes(b"".join(file.read_bytes() for file in files))
    for place, sized in (("both.ts", True), ("0.ts", False)):
        film = Film(tmp_path / place)
        times = [frame.time for frame in film.frames()]
        count = len(times)
        assert None not in times and times == sorted(times) and len(set(times)) == count
        said = " ".join(film.remarks())
        assert ("changes its size (64x48 from frame 0, 96x64 from frame " in said) == sized, (count, said)
        assert ("its times go back at frame " in said) == sized
