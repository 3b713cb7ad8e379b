"""Plans pair what they promise, are the same for the same seed, and longer ones contain the shorter."""

import re
from collections import Counter
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.core.images import image_files
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Record
from dgnet.generation.plans import all_pairs, extend_pairs, pairs_per_identity, read_list, read_pairs, ring_pairs
from dgnet.generation.request import SetRequest, plan_pairs
from tests.dgnet.generation.small_run import write_people
from tests.messages import mentions


def people(identities, images=4):
    return [Record(Path(f"{i:04d}_{k}.png"), i, 1, "train") for i in identities for k in range(images)]


def test_the_official_protocol_takes_every_image_once_in_each_role():
    records = people(range(1, 11))
    plan = ring_pairs(records, seed=3)
    assert sorted(a for a, _ in plan) == [s for _, s in plan] == list(range(40))
    assert all(a != s for a, s in plan)
    assert plan == ring_pairs(records, seed=3) != ring_pairs(records, seed=4)
    assert len({a - s for a, s in plan}) > 10, "no fixed shift"


@pytest.mark.parametrize("count", [1, 39, 41, 130])
def test_other_counts_go_around_in_further_rings(count):
    records = people(range(1, 11))
    plan = ring_pairs(records, 3, count)
    assert len(plan) == len(set(plan)) == count
    assert set(plan) <= set(ring_pairs(records, 3, 200))
    uses = [Counter(pair[role] for pair in ring_pairs(records, 3, 80)) for role in (0, 1)]
    # Rings that share a pair leave it out once: the next makes up for it.
    assert all(max(each.values()) <= 3 and min(each.values()) >= 1 for each in uses)
    assert plan == sorted(plan, key=lambda pair: (pair[1], pair[0]))


def test_all_pairs_of_few_images_can_be_asked_for():
    assert sorted(ring_pairs(people([1, 2], 2), 0, 12)) == [(a, s) for a in range(4) for s in range(4) if a != s]
    with pytest.raises(UserError, match=mentions("different", "pairs", 13, 4, 12)):
        ring_pairs(people([1, 2], 2), 0, 13)
    with pytest.raises(UserError, match="1 images have 0"):
        ring_pairs(people([1], 1), 0)


def test_per_identity_everybody_gets_as_many_and_wears_own_clothes_in_other_poses():
    records = people(range(1, 11))
    plan = pairs_per_identity(records, 6, 0)
    assert Counter(records[a].identity for a, _ in plan) == dict.fromkeys(range(1, 11), 6)
    assert all(records[a].identity != records[s].identity for a, s in plan)
    # Six turns among four images: each lends its clothes once or twice.
    assert set(Counter(a for a, _ in plan).values()) == {1, 2}
    assert len({s for _, s in plan}) > 25
    assert set(plan) < set(pairs_per_identity(records, 7, 0)) and plan != pairs_per_identity(records, 6, 1)
    with pytest.raises(UserError, match=mentions("identity", "different", 1, 16, 17)):
        pairs_per_identity(people([1, 2]), 17, 0)
    assert len(pairs_per_identity(people([1, 2]), 16, 0)) == 32
    with pytest.raises(UserError, match="at least two identities"):
        pairs_per_identity(people([1]), 1, 0)


def test_all_pairs_and_extensions():
    assert all_pairs([4, 1], [2, 1]) == [(1, 1), (4, 1), (1, 2), (4, 2)]
    assert extend_pairs([(4, 1), (0, 0)], all_pairs([4, 1], [2, 1])) == [(4, 1), (0, 0), (1, 1), (1, 2), (4, 2)]


def test_files_of_images_and_pairs(tmp_path):
    (tmp_path / "list.txt").write_text("\ufeffa.png\n\n b c.png \n")
    assert read_list(tmp_path / "list.txt") == [
        (f"{tmp_path / 'list.txt'}, line 1", "a.png"),
        (f"{tmp_path / 'list.txt'}, line 3", "b c.png"),
    ]
    (tmp_path / "pairs.csv").write_text("structure,note,appearance\ns.png,x,a.png\nt.png,y,b.png\n")
    assert read_pairs(tmp_path / "pairs.csv") == [
        (f"{tmp_path / 'pairs.csv'}, line 2", "a.png", "s.png"),
        (f"{tmp_path / 'pairs.csv'}, line 3", "b.png", "t.png"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "it lacks appearance, structure"),
        (b"appearance,structures\na,b\n", "it lacks structure"),
        (b"appearance,structure\n", "names no pair"),
        (b"appearance,structure\na,\n", mentions("pair", 2)),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_broken_files_of_pairs(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(UserError, match=f"pairs.csv.*{reason}"):
        read_pairs(tmp_path / "pairs.csv")


def test_an_empty_list(tmp_path):
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(UserError, match=mentions("list", "names", "list.txt")):
        read_list(tmp_path / "list.txt")


def test_a_name_that_is_no_image_is_found_by_file_and_line(tmp_path):
    dataset = write_people(tmp_path / "people")
    known = image_files(dataset)[0].name
    (tmp_path / "list.txt").write_text(f"{known}\n\nnobody.png\n")
    (tmp_path / "pairs.csv").write_text(f"appearance,structure\n{known},{known}\n{known},nobody.png\n")
    for options, place in (
        ({"appearances": tmp_path / "list.txt", "structures": tmp_path / "list.txt"}, tmp_path / "list.txt"),
        ({"pairs": tmp_path / "pairs.csv"}, tmp_path / "pairs.csv"),
        ({"pairs": [(known, known), (known, "nobody.png")]}, "pairs[1]"),
    ):
        line = ", line 3" if isinstance(place, Path) else ""
        with pytest.raises(UserError, match=re.escape(f"{place}{line}: 'nobody.png' is no image of the data set")):
            plan_pairs(SetRequest(**options), read_dataset(dataset))
