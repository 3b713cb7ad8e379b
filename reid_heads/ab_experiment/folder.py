"""Whether a folder holds an A/B."""

from pathlib import Path

import yaml

from dgnet.core.errors import UserError
from dgnet.core.old_configs import current_config
from dgnet.runs.folder import CONFIG


def refuse_foreign_folder(folder: Path, resume: bool) -> None:
    """`UserError` where `folder` holds something other than this A/B; writes nothing."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not the folder of an A/B; use another --name")
    if not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir()):
        return
    if not _is_experiment(folder):
        raise UserError(f"{folder} holds something other than an A/B; use another --name")
    if not resume:
        raise UserError(
            f"{folder} already holds an A/B; continue it with --resume, or start another under another --name"
        )


def _is_experiment(folder: Path) -> bool:
    try:
        content = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and {"variants", "baseline", "seeds"} <= set(current_config(content))
