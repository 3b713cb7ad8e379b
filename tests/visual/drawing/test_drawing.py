"""The engine below the pages: interpolation, films, hues, images from anywhere, maps of codes, activation."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.images import image_files
from dgnet.data.records import Record
from dgnet.models.generator import Generator
from dgnet.models.swap import swap_all, swap_images
from dgnet.runs.loaded_generator import LoadedGenerator
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator
from tests.messages import mentions
from visual.drawing.activation import activation_maps, overlay
from visual.drawing.film import films, gif, mp4, there_and_back
from visual.drawing.interpolate import between_appearances, between_structures, weights_between
from visual.drawing.rainbow import hues, mean_image
from visual.drawing.spaces import labels_of, map_of_spaces, principal_plane
from visual.drawing.training_pictures import evenly
from visual.explorer.answers import Blend, Explorer
from visual.image_input import decode_upload, read_images


def people(count: int, seed: int = 0) -> torch.Tensor:
    """Blocks of 16x16 pixels: of noise every region would have the same mean color."""
    blocks = torch.randint(0, 256, (count, 3, 4, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return blocks.repeat_interleave(16, 2).repeat_interleave(16, 3)


@pytest.fixture(scope="module", params=["adaptive", pytest.param("parts", marks=pytest.mark.slow)])
def generator(request: pytest.FixtureRequest) -> Generator:
    return small_generator(parts=request.param == "parts")


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Equal but for the rounding of batches of other sizes."""
    return first.shape == second.shape and bool((first.int() - second.int()).abs().max() <= 1)


@pytest.mark.slow
def test_the_ends_of_an_interpolation_are_the_swaps(generator) -> None:
    first, second, kept = people(2, 1), people(2, 2), people(2, 3)
    clothes = between_appearances(generator, first, second, kept, weights_between(3))
    assert close(clothes[:, 0], swap_images(generator, first, kept))
    assert close(clothes[:, 2], swap_images(generator, second, kept))
    poses = between_structures(generator, first, second, kept, weights_between(3))
    assert close(poses[:, 0], swap_images(generator, kept, first))
    assert close(poses[:, 2], swap_images(generator, kept, second))
    # The swapped rows are those of the whole grid, and the middle is neither end.
    assert close(clothes[:, 0], swap_all(generator, first, kept)[[0, 1], [0, 1]])
    assert not close(clothes[:, 1], clothes[:, 0]) and not close(poses[:, 1], poses[:, 2])


def test_the_middle_is_the_mean_of_the_codes(generator) -> None:
    from dgnet.core import pixels

    first, second, kept = people(1, 1), people(1, 2), people(1, 3)
    with torch.no_grad():
        seen = [pixels.normalize(images) for images in (first, second, kept)]
        code = sum(generator.encode_appearance(images) for images in seen[:2]) / 2
        expected = pixels.to_uint8(generator.decoder(generator.encode_structure(seen[2]), code))
    assert close(between_appearances(generator, first, second, kept, torch.tensor([0.5]))[:, 0], expected)


def test_weights() -> None:
    assert weights_between(5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert there_and_back(4) == [0, 1, 2, 3, 2, 1]
    assert there_and_back(2) == [0, 1]


def frames(count: int = 4, height: int = 31, width: int = 33) -> list[np.ndarray]:
    """One color each, from dark to light."""
    return [np.full((height, width, 3), 40 + 50 * place, dtype=np.uint8) for place in range(count)]


def test_a_gif_shows_every_frame_for_its_time() -> None:
    film = Image.open(io.BytesIO(gif(frames(), 10)))
    assert (film.n_frames, film.size, film.info["duration"], film.info["loop"]) == (4, (33, 31), 100, 0)
    for place, frame in enumerate(frames()):
        film.seek(place)
        assert np.abs(np.asarray(film.convert("RGB"), dtype=int) - frame).max() <= 4
    assert gif(frames(), 10) == gif(frames(), 10)


def test_an_mp4_shows_every_frame(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra 'video' is not installed")
    path = tmp_path / "film.mp4"
    path.write_bytes(mp4(frames(), 4))
    reader = ffmpeg.read_frames(str(path))
    about = next(reader)
    # H.264 wants even sides: a white row and column are added.
    assert (about["size"], about["fps"]) == ((34, 32), 4)
    shown = [np.frombuffer(frame, dtype=np.uint8).reshape(32, 34, 3) for frame in reader]
    assert [round(frame[:25, :25].mean() / 10) for frame in shown] == [4, 9, 14, 19]
    assert mp4(frames(), 4) == path.read_bytes()


def test_which_films() -> None:
    assert [suffix for suffix, _ in films(frames(), "gif", 5)] == [".gif"]
    assert films(frames(), "none", 5) == []
    for wrong, pace in (([], 5), ([*frames(1), *frames(1, 8)], 5), (frames(), 51), (frames(), 0)):
        with pytest.raises(UserError):
            gif(wrong, pace)


def test_hues_of_plain_clothes() -> None:
    colors = torch.tensor([[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]], dtype=torch.uint8)
    images = torch.full((4, 3, 64, 48), 128, dtype=torch.uint8)
    images[:, :, 20:44, 16:32] = colors[:, :, None, None]
    assert hues(images) == pytest.approx([0, 1 / 3, 2 / 3, 1 / 6], abs=1e-6)
    # What is outside of the middle does not count.
    images[:, :, :, :10] = torch.tensor([0, 255, 0], dtype=torch.uint8)[:, None, None]
    assert hues(images) == pytest.approx([0, 1 / 3, 2 / 3, 1 / 6], abs=1e-6)
    assert torch.equal(mean_image(torch.stack([images, images])), images)


def test_images_from_files(tmp_path: Path) -> None:
    image = people(1)[0]
    (tmp_path / "below").mkdir()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / "below" / "b.PNG")
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no image")
    paths = image_files(tmp_path)
    assert [path.name for path in paths] == ["a.png", "b.PNG"]
    assert torch.equal(read_images(paths, 64, 48), torch.stack([image, image]))
    assert torch.equal(decode_upload(paths[0]), image)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PPM", "text", "cut", "pixel", "huge"])
def test_uploads_that_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "upload.png"
    image = Image.new("RGB", {"pixel": (1, 1), "huge": (5000, 20)}.get(kind, (64, 64)))
    image.save(path, kind if kind.isupper() else "PNG")
    if kind == "text":
        path.write_text("<svg onload='alert(1)'/>")
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError) as refused:
        decode_upload(path)
    # Whoever uploaded it learns nothing of this machine's folders.
    assert str(tmp_path) not in str(refused.value)


def test_the_plane_of_the_largest_spread() -> None:
    numbers = torch.Generator().manual_seed(0)
    codes = torch.randn(30, 12, generator=numbers) * torch.tensor([5.0, 3.0, *[0.1] * 10])
    plane = principal_plane(codes + 7)
    # The slow way: singular vectors of the centered codes.
    centered = codes.double() - codes.double().mean(0)
    directions = torch.linalg.svd(centered, full_matrices=False)[2][:2]
    expected = (centered @ directions.T).numpy()
    signs = np.sign((expected * plane.points).sum(0))
    assert plane.points == pytest.approx(expected * signs, abs=1e-5)
    variances = centered.var(dim=0)
    assert plane.shares[0] == pytest.approx(float(variances[0] / variances.sum()), abs=0.02)
    assert all(plane.points[np.abs(plane.points[:, axis]).argmax(), axis] > 0 for axis in (0, 1))
    with pytest.raises(UserError, match="at least 3 images"):
        principal_plane(codes[:2])
    same = principal_plane(torch.ones(4, 5))
    assert same.points == pytest.approx(np.zeros((4, 2)))


def test_a_map_needs_a_label_for_each_image() -> None:
    plane = principal_plane(torch.eye(4))
    assert map_of_spaces({"codes": plane}, {"camera": [1, 1, 2, 2]}).ndim == 3
    with pytest.raises(UserError, match=mentions("'camera'", 3)):
        map_of_spaces({"codes": plane}, {"camera": [1, 2, 3]})


def test_spaces_are_not_colored_by_cameras_that_nobody_knows() -> None:
    unknown, known = (Record(Path("1.png"), 1, camera, "train") for camera in (-1, 2))
    assert labels_of([unknown, unknown]) == {"identity": [1, 1]}
    assert labels_of([unknown, known]) == {"identity": [1, 1], "camera": [-1, 2]}


def test_codes_do_not_depend_on_the_batch(generator) -> None:
    images = people(40)
    loaded = LoadedGenerator(generator, small_config(), IDENTITIES, 0)
    appearance, structure = loaded.appearance_codes(images), loaded.structure_codes(images)
    assert len(appearance) == len(structure) == 40
    alone = loaded.appearance_codes(images[35:36]), loaded.structure_codes(images[35:36])
    torch.testing.assert_close(appearance[35:36], alone[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(structure[35:36], alone[1], atol=1e-4, rtol=1e-4)


def test_activation_is_the_energy_at_each_place() -> None:
    images = people(3)

    def one_corner(seen: torch.Tensor) -> torch.Tensor:
        features = torch.zeros(len(seen), 5, 4, 3)
        features[:, :, 0, 2] = -2.0  # a negative feature has energy, too
        features[:, 0, 3, 0] = 1.0
        return features

    maps = activation_maps(one_corner, images)
    assert maps.shape == (3, 64, 48)
    assert maps[:, 0, -1].tolist() == [1, 1, 1] and maps[:, 30, 20].tolist() == [0, 0, 0]
    assert maps[0, -1, 0] == pytest.approx(1 / 5 / 4)
    looked = overlay(images, maps)
    assert looked.dtype == torch.uint8 and looked.shape == images.shape
    # Yellow where it looks, dark where it does not.
    assert looked[0, 0, 0, -1] > 120 and looked[0, 2, 30, 20] <= 0.45 * 255 + 3
    nothing = activation_maps(lambda seen: torch.ones(len(seen), 2, 4, 3), images)
    assert not nothing.any()
    with pytest.raises(UserError, match=mentions("[batch", 3, "(3, 7)")):
        activation_maps(lambda seen: torch.zeros(len(seen), 7), images)


def test_evenly() -> None:
    assert evenly([1, 2, 3, 4, 5, 6, 7], 3) == [1, 4, 7]
    assert evenly([1, 2], 5) == [1, 2]
    assert evenly([1, 2, 3], 1) == [3]


@pytest.mark.slow
def test_the_explorer_answers(generator, tmp_path: Path) -> None:
    from dgnet.data.records import Record

    images = people(5)
    records = []
    for place, image in enumerate(images):
        path = tmp_path / f"{place}.png"
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
        records.append(Record(path, place + 1, 1, "query"))
    run = LoadedGenerator(generator, small_config(), IDENTITIES, 3, "small")
    explorer = Explorer(run, records)
    for place in range(5):
        (nearest, *_) = explorer.nearest(images[place], 2)
        assert nearest.record == records[place] and nearest.similarity == pytest.approx(1, abs=1e-4)
        assert torch.equal(nearest.image, images[place])
    swaps = swap_all(generator, images[:2], images[2:4])
    for row, column in ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        image = explorer.blend(Blend(images[:2], row), Blend(images[2:4], column))
        assert close(image, swaps[int(row), int(column)])
    scores = explorer.identities(images[0], 9)
    assert sum(share for _, share in scores) == pytest.approx(1, abs=1e-5)
    assert [share for _, share in scores] == sorted((share for _, share in scores), reverse=True)
    assert {name for name, _ in scores} == {f"identity {identity}" for identity in IDENTITIES}
    unknown = Explorer(LoadedGenerator(generator, small_config(), (), 3, "small"), [])
    assert unknown.nearest(images[0], 3) == []
    assert unknown.identities(images[0], 1)[0][0].startswith("class ")
