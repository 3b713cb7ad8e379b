"""Files told apart by their bytes."""

from pathlib import Path

import pytest

from dgnet.core.content import sampled_hash


@pytest.mark.parametrize("size", [1, 2**16, 2**16 + 1, 2**20 + 17, 2**24 - 5, 2**24])
def test_every_byte_of_a_small_file_counts(tmp_path: Path, size: int) -> None:
    path, content = tmp_path / "film", bytearray(size)
    path.write_bytes(content)
    before = sampled_hash(path)
    for place in {0, size // 3, size // 2, size - 1}:
        content[place] ^= 255
        path.write_bytes(content)
        assert sampled_hash(path) != before
        content[place] ^= 255


def test_of_a_large_file_the_ends_and_the_size_count(tmp_path: Path) -> None:
    path = tmp_path / "film"
    hashes = set()
    for size, place in ((2**25, 0), (2**25, 2**25 - 1), (2**25, 0), (2**25 + 1, 0)):
        path.unlink(missing_ok=True)
        with open(path, "wb") as file:
            file.truncate(size)
            file.seek(place)
            file.write(b"x")
        hashes.add(sampled_hash(path))
    assert len(hashes) == 3
