"""Files of weights that others publish: found, downloaded where there is none, and checked by their SHA-256."""

import urllib.error
from pathlib import Path

import torch

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.core.weights import StateDict, read_state_dict


def published_sha256(url: str) -> str:
    """torch's convention: a file of weights bears the first eight digits of its SHA-256 in its name."""
    return url.rsplit("/", 1)[1].rsplit(".", 1)[0].rsplit("-", 1)[1]


def published_weights(url: str, given: Path | None, option: str, sha256: str | None = None) -> StateDict:
    """The state dict published at `url`, on the CPU.

    Args:
        given: a local file; without it the copy that torch keeps in its folder, or else a download to there.
        option: what a user names the file by, for the sentence that asks for it.
        sha256: what the hexadecimal SHA-256 of the file must begin with; the digits in the published name by default.

    Raises:
        UserError: no file and no way to get it; another file than that; not a state dict.
    """
    name = url.rsplit("/", 1)[1]
    path = Path(given) if given is not None else Path(torch.hub.get_dir()) / "checkpoints" / name
    if given is None and not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), published_sha256(url), progress=False)
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            reason = getattr(error, "reason", None) or error
            raise UserError(
                f"{name} is needed and could not be downloaded ({reason}): fetch {url} elsewhere and name the file by "
                f"{option}"
            ) from error
    check_sha256(path, published_sha256(url) if sha256 is None else sha256)
    return read_state_dict(path)


def weights_words(url: str, given: Path | None) -> str:
    """ ", weights 1a2b3c4d" of a file with other weights than those published at `url`; empty for these.

    It belongs to the name of what the weights compute: figures of other ones are not comparable.
    """
    digits = "" if given is None else file_hash(given)
    return "" if digits.startswith(published_sha256(url)) or not digits else f", weights {digits[:8]}"


def check_sha256(path: Path, beginning: str) -> None:
    """`UserError` unless the file is there and its hexadecimal SHA-256 begins so."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    digest = file_hash(path)
    if not digest.startswith(beginning.lower()):
        raise UserError(f"{path}: its SHA-256 must begin with {beginning}, and it is {digest[:16]}...")
