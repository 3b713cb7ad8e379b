"""Generated images are the generator's swaps, the same bits in any company, and each code is made once."""

import random
from dataclasses import replace

import pytest
import torch

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.records import Record
from dgnet.generation import engine as generation
from dgnet.generation.engine import batch_slots, fixed_slots, generate
from dgnet.runs.loaded_generator import LoadedGenerator
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator
from tests.messages import mentions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]

COUNT = batch_slots(torch.device("cpu"))


@pytest.fixture(scope="module")
def stored(request):
    parts = getattr(request, "param", "adaptive") == "parts"
    return LoadedGenerator(small_generator(parts=parts), small_config(parts), IDENTITIES, 7)


both_decoders = pytest.mark.parametrize("stored", ["adaptive", "parts"], indirect=True)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Forty built-in pedestrians of another size than the generator's."""
    root = tmp_path_factory.mktemp("data") / "pedestrians"
    spec = SyntheticSpec(
        train_identities=10, test_identities=0, images_per_identity=4, height=80, width=48, distractors=0, junk=0
    )
    write_dataset(root, spec, processes=1)
    paths = sorted(root.glob("*/*.png"))
    return [Record(path, int(path.name[:4]), 1, "train") for path in paths]


def plan(records, count, seed=0):
    draws = random.Random(seed)
    return sorted((draws.randrange(len(records)), draws.randrange(len(records))) for _ in range(count))


def made(stored, records, pairs, **options):
    """Images by their position."""
    found = {}
    for batch in generate(stored, records, pairs, **options):
        found |= dict(zip(batch.positions, batch.images, strict=True))
    return found


def image(record):
    picture = read_image(record.path)[None]
    return pixels.normalize(pixels.resize(picture, 64, 48))


@both_decoders
def test_images_are_the_generators_swaps_one_by_one(stored, records):
    pairs = plan(records, 21)
    images = made(stored, records, pairs)
    assert list(images) == list(range(21))
    with torch.no_grad():
        alone = [pixels.to_uint8(stored.network(image(records[a]), image(records[s])))[0] for a, s in pairs]
    for position, expected in enumerate(alone):
        # Another batch size may round a value to the other side of a half.
        assert (images[position].int() - expected.int()).abs().max() <= 1
        others = [other for place, other in enumerate(alone) if pairs[place] != pairs[position]]
        assert all((images[position].int() - other.int()).abs().max() > 1 for other in others)


@both_decoders
def test_bits_do_not_depend_on_batch_budget_order_or_company(stored, records):
    pairs = plan(records, 75)
    expected = made(stored, records, pairs)
    backwards = list(range(75))[::-1]
    some = random.Random(1).sample(range(75), 20)
    for options in (
        {"batch_size": 1},
        {"batch_size": 1000},
        {"code_bytes": 1},
        {"positions": backwards},
        {"positions": some},
    ):
        images = made(stored, records, pairs, **options)
        assert list(images) == list(options.get("positions", range(75)))
        assert all(torch.equal(expected[position], images[position]) for position in images), options
    longer = made(stored, records, pairs + plan(records, 30, 9))
    assert all(torch.equal(expected[position], longer[position]) for position in expected)


class Counted:
    """How often each record was encoded."""

    def __init__(self, monkeypatch):
        self.rows = []
        true = generation._Engine.encode

        def encode(engine, role, row):
            self.rows.append((role, row))
            return true(engine, role, row)

        monkeypatch.setattr(generation._Engine, "encode", encode)

    def of(self, role):
        return sorted(index for kind, row in self.rows if kind == role for index in row if index is not None)


def test_each_code_is_made_once_in_full_rows(stored, records, monkeypatch):
    counted = Counted(monkeypatch)
    pairs = [((s + ahead) % 40, s) for s in range(40) for ahead in range(6)]
    made(stored, records, pairs, batch_size=COUNT)
    assert counted.of("appearance") == counted.of("structure") == list(range(40))
    assert len(counted.rows) == 2 * -(-40 // COUNT)
    assert all(index is None or index % COUNT == place for _, row in counted.rows for place, index in enumerate(row))


def test_a_budget_bounds_the_codes_that_are_kept(stored, records, monkeypatch):
    sizes = []
    true = generation._Codes.prepare

    def prepare(codes, pairs):
        true(codes, pairs)
        sizes.append(codes._bytes)
        assert codes._bytes == sum(code.nbytes for code in codes._codes.values())

    monkeypatch.setattr(generation._Codes, "prepare", prepare)
    counted = Counted(monkeypatch)
    pairs = plan(records, 160)
    unbounded = made(stored, records, pairs, batch_size=COUNT)
    largest = max(sizes)
    sizes.clear()
    assert len(counted.of("structure")) == len(set(counted.of("structure")))
    counted.rows.clear()
    bounded = made(stored, records, pairs, batch_size=COUNT, code_bytes=largest // 2)
    assert max(sizes) <= largest // 2
    assert len(counted.of("structure")) > len(set(counted.of("structure")))
    assert all(torch.equal(unbounded[position], bounded[position]) for position in unbounded)


def test_half_precision_codes_take_half_the_memory_and_make_like_images(stored, records):
    pairs = plan(records, 20)
    full, half = (made(stored, records, pairs, precision=name) for name in ("fp32", "bf16"))
    difference = torch.stack([(full[p].float() - half[p].float()).abs().mean() for p in full])
    assert 0 < difference.max() < 4


def test_fixed_slots():
    assert fixed_slots([0, 1, 5, 4, 9], 4) == [[0, 1, None, None], [4, 5, None, None], [None, 9, None, None]]
    assert fixed_slots([], 4) == []


def test_refusals(stored, records, tmp_path):
    with pytest.raises(UserError, match=mentions(1, "(0, 40)", 40)):
        made(stored, records, [(0, 1), (0, 40)])
    with pytest.raises(UserError, match="must be positive"):
        made(stored, records, [(0, 1)], batch_size=0)
    (tmp_path / "no.png").write_text("no image")
    with pytest.raises(UserError, match="no.png: not a readable image"):
        made(stored, [replace(records[0], path=tmp_path / "no.png")], [(0, 0)])
