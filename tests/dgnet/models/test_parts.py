"""Part colors: masks drawn from contours, filled with the colors of another image."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.layers.guided import guided_detail, upsampled
from dgnet.models.build import build_generator
from dgnet.models.generator import Generator
from dgnet.models.parts import ILLUMINATION_SIZE, PartDecoder, PartEncoder, part_colors
from tests.dgnet.small_training import narrow_trunks, quick_config

PARTS = 3
SETTINGS: dict[str, Any] = {"decoder.kind": "parts", "decoder.parts": PARTS, "structure.input": "contour"}


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Generator:
    narrow_trunks(monkeypatch)
    torch.manual_seed(0)
    return build_generator(quick_config(SETTINGS), 4).double().eval()


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 64, 48, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def structure_code(logits: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    """A code of one image of 64x48: masks `[PARTS + 1, 32, 24]`, attention `[PARTS, 16, 12]`."""
    shading, background, image = torch.zeros(1, 32, 24), torch.full((3, 16, 12), 0.25), torch.ones(48, 16, 12)
    masks = F.pixel_unshuffle(torch.cat([logits, shading]), 2)
    return torch.cat([masks, attention, background, image])[None].double()


def test_a_color_is_the_mean_under_its_attention() -> None:
    attention = torch.zeros(PARTS, 16, 12)
    attention[0, 4, 5] = attention[1, 9, 0] = 100.0
    image = images(1)
    colors = part_colors(structure_code(torch.zeros(PARTS + 1, 32, 24), attention), image, PARTS)
    colors = colors[0, :-ILLUMINATION_SIZE].view(PARTS, 3)
    torch.testing.assert_close(colors[0], image[0, :, 16:20, 20:24].mean(dim=(1, 2)))
    torch.testing.assert_close(colors[1], image[0, :, 36:40, 0:4].mean(dim=(1, 2)))
    torch.testing.assert_close(colors[2], image[0].mean(dim=(1, 2)))


def test_the_illumination_is_mean_and_deviation_of_the_background() -> None:
    image = images(1)
    code = structure_code(torch.zeros(PARTS + 1, 32, 24), torch.zeros(PARTS, 16, 12))
    deviation, mean = torch.std_mean(pixels.background(image)[0], dim=(1, 2))
    torch.testing.assert_close(part_colors(code, image, PARTS)[0, -ILLUMINATION_SIZE:], torch.cat([mean, deviation]))


def test_the_decoder_fills_the_masks() -> None:
    decoder = PartDecoder(PARTS).double()
    logits = torch.zeros(PARTS + 1, 32, 24)
    logits[0, :16], logits[PARTS, 16:] = 100.0, 100.0  # the first part above, the background below
    colors = torch.randn(1, 3 * PARTS + ILLUMINATION_SIZE).double()
    code, styles = structure_code(logits, torch.zeros(PARTS, 16, 12)), decoder.styles(F.pad(colors, (7, 0)))
    reconstructed, decoded = decoder.reconstruct(code, styles), decoder(code, F.pad(colors, (7, 0)))
    for image, stride, below in (
        (reconstructed, 2, 0.25),
        (decoded, 1, 1.0),
    ):  # the colors of the background; the structure image itself
        assert image.shape == (1, 3, 64 // stride, 48 // stride)
        rows, width = 24 // stride, 48 // stride
        torch.testing.assert_close(image[0, :, :rows], colors[0, :3, None, None].expand(3, rows, width))
        torch.testing.assert_close(image[0, :, -rows:], torch.full((3, rows, width), below, dtype=torch.float64))


def test_relighting_shading_and_the_gain_of_the_detail_make_the_image() -> None:
    """Against the formula written out pixel by pixel, with nothing at its initial value."""
    torch.manual_seed(2)
    decoder = PartDecoder(PARTS, detail_gain=3.0).double()
    with torch.no_grad():
        last = decoder.relighting[-1]
        assert isinstance(last, torch.nn.Linear)
        last.weight.normal_(std=0.1), last.bias.normal_(std=0.1)
    masks, background = torch.randn(PARTS + 2, 32, 24).double(), torch.randn(3, 16, 12).double()
    structure = images(1)[0]
    attention, pixels_of_code = torch.zeros(PARTS, 16, 12).double(), F.pixel_unshuffle(structure, 4)
    code = torch.cat([F.pixel_unshuffle(masks, 2), attention, background, pixels_of_code])[None]
    styles = torch.randn(1, decoder.colors_size).double()

    deviation, mean = torch.std_mean(background, dim=(1, 2))
    gain, bias = decoder.relighting(torch.cat([styles[0, -ILLUMINATION_SIZE:], mean, deviation])).chunk(2)
    colors = (styles[0, : 3 * PARTS].view(PARTS, 3) + 2) * (1 + gain) - 2 + bias
    half = torch.empty(3, 32, 24, dtype=torch.float64)
    for row in range(32):
        for column in range(24):
            shares = (3 * masks[: PARTS + 1, row, column]).softmax(0)
            color = shares[:PARTS] @ colors + shares[PARTS] * background[:, row // 2, column // 2]
            half[:, row, column] = (color + 2) * (1 + 0.3 * masks[PARTS + 1, row, column]) - 2

    def finer(small: torch.Tensor, weight: float, guide: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Bilinear by two, and the detail of the guide times the slope of the regression in each window."""
        slopes = torch.empty_like(small)
        height, width = guide.shape
        for row in range(height):
            for column in range(width):
                rows = [min(max(row + step, 0), height - 1) for step in (-1, 0, 1)]
                columns = [min(max(column + step, 0), width - 1) for step in (-1, 0, 1)]
                under, window = guide[rows][:, columns].flatten(), small[:, rows][:, :, columns].flatten(1)
                covariance = ((window - window.mean(1, keepdim=True)) * (under - under.mean())).mean(1)
                slopes[:, row, column] = covariance / (under.var(correction=0) + 0.05)

        def twice(plane: torch.Tensor) -> torch.Tensor:
            return F.interpolate(plane[None], scale_factor=2.0, mode="bilinear")[0]

        return twice(small) + weight * twice(slopes) * (fine - twice(guide[None]))

    gray = structure.mean(0)
    half_gray = gray.view(32, 2, 24, 2).mean((1, 3))
    torch.testing.assert_close(decoder.reconstruct(code, styles)[0], half)
    split = decoder.split(code)
    decoded, probability = decoder.upsample(split, torch.cat([half[None], torch.zeros(1, 1, 32, 24).double()], dim=1))
    assert not probability.any()
    torch.testing.assert_close(decoded[0], finer(half, 3.0, half_gray, gray))


def test_masks_at_a_quarter_of_the_size_are_upsampled_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    generator = (
        build_generator(quick_config(SETTINGS | {"decoder.mask_stride": 4, "decoder.detail_gain": 1.5}), 4)
        .double()
        .eval()
    )
    assert isinstance(generator.structure, PartEncoder) and isinstance(generator.decoder, PartDecoder)
    first, second = images(4).split(2)
    structure_code = generator.encode_structure(second)
    assert structure_code.shape == (2, (PARTS + 2) + PARTS + 3 + 48, 16, 12)
    assert generator.structure.learned_channels == (PARTS + 2) + PARTS
    decoder, code = generator.decoder, generator.decoder.split(structure_code)
    colors = torch.randn(2, PARTS, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    quarter = decoder.fill(code, colors)
    probabilities = (3 * code.masks[:, : PARTS + 1]).softmax(1)
    flat = torch.einsum("bphw,bpc->bchw", probabilities[:, :PARTS], colors) + probabilities[:, PARTS:] * code.background
    torch.testing.assert_close(quarter[:, :3], (flat + 2) * (1 + 0.3 * code.masks[:, PARTS + 1 :]) - 2)
    gray = pixels.gray(second)
    half = upsampled(quarter) + 1.5 * guided_detail(quarter, F.avg_pool2d(gray, 4), F.avg_pool2d(gray, 2))
    full = upsampled(half) + 1.5 * guided_detail(half, F.avg_pool2d(gray, 2), gray)
    torch.testing.assert_close(torch.cat(decoder.upsample(code, quarter), dim=1), full)
    styles = decoder.styles(generator.encode_appearance(first))
    assert styles.shape == (2, decoder.colors_size)
    assert generator(first, second).shape == second.shape


def test_settings_without_an_effect_are_refused() -> None:
    for name, value in {"background": True, "standardize_code": True, "initial_style": 0.1}.items():
        with pytest.raises(UserError, match=rf"short_training\.{name}.*decoder\.kind=parts"):
            quick_config(SETTINGS | {f"short_training.{name}": value})
        assert getattr(quick_config({f"short_training.{name}": value}).short_training, name) == value


def test_only_certain_background_is_kept_and_has_no_gradient() -> None:
    decoder = PartDecoder(PARTS).double()
    logits = torch.zeros(PARTS + 1, 32, 24)
    code = structure_code(logits, torch.zeros(PARTS, 16, 12)).requires_grad_()
    styles = torch.zeros(1, decoder.colors_size, dtype=torch.float64)
    split = decoder.split(code)
    drawn = decoder.upsample(split, decoder.fill(split, torch.zeros(1, PARTS, 3).double()))[0]
    assert torch.equal(decoder.decode(code, styles), drawn)  # the probability of the background is a quarter
    logits[PARTS] = 100.0
    code = structure_code(logits, torch.zeros(PARTS, 16, 12)).requires_grad_()
    decoder.decode(code, styles).square().sum().backward()
    assert code.grad is not None and not code.grad[:, : 4 * (PARTS + 2)].any() and code.grad[:, -48:].any()


def test_shapes_do_not_depend_on_which_side_of_an_edge_is_brighter(generator: Generator) -> None:
    first, second = (generator.encode_structure(image) for image in (images(), -images()))
    learned = generator.structure.learned_channels
    torch.testing.assert_close(first[:, :learned], second[:, :learned])
    assert not torch.allclose(first[:, learned:], second[:, learned:])
    assert first.shape == (2, learned + 3 + 48, 16, 12)


def test_an_image_is_its_colors_in_its_shapes(generator: Generator) -> None:
    first, second = images(4).split(2)
    code = generator.encode_appearance(first)
    assert code.shape == (2, generator.appearance.code_size + 3 * PARTS + ILLUMINATION_SIZE)
    swapped = generator(first, second)
    torch.testing.assert_close(swapped, generator.decoder(generator.encode_structure(second), code))
    # The appearance encoder's own code, for re-identification, does not enter the image.
    other = torch.cat(
        [torch.randn_like(code[:, : generator.appearance.code_size]), code[:, -3 * PARTS - ILLUMINATION_SIZE :]], 1
    )
    torch.testing.assert_close(swapped, generator.decoder(generator.encode_structure(second), other))


def test_hidden_cells_are_zero_and_no_more_than_asked_for() -> None:
    torch.manual_seed(0)
    shapes = torch.ones(200, 4, 64, 48)
    hidden = pixels.hide_cells(shapes, 0.5)
    cells = hidden[:, :, ::8, ::8]
    assert torch.equal(cells.repeat_interleave(8, 2).repeat_interleave(8, 3), hidden)
    assert set(hidden.unique().tolist()) == {0.0, 1.0}
    shares = 1 - cells[:, 0].mean(dim=(1, 2))
    assert 0.22 < shares.mean() < 0.28 and shares.max() < 0.75
    assert torch.equal(pixels.hide_cells(shapes, 0.0), shapes)


def test_an_encoder_knows_where_in_the_image_it_is() -> None:
    torch.manual_seed(0)
    encoder = PartEncoder(4, PARTS, 4).eval()
    for height, width in ((64, 48), (96, 48), (256, 128)):
        quarter = (height // 4, width // 4)
        code = encoder(torch.zeros(1, 4, height, width), torch.zeros(1, 3, *quarter), torch.zeros(1, 3, height, width))
        assert code.shape[-2:] == quarter
        # Without the borders, where the padding tells.
        assert code[0, : encoder.learned_channels, 6:-6, 3:-3].std(dim=(1, 2)).min() > 1e-4
