"""Measure a trained head on a data set's test split: mAP, Rank-1, Rank-5, Rank-10, without and with re-ranking.

    python tools/test.py --batch-size 4 --model-name resnet50 --model-path outputs/resnet50/mAP_85.9.pth
    python tools/test.py --model-path outputs/mgn/mAP_87.1.pth --data /data/Market-1501 --no-mirrored

The file is one of ours or of the original systems; those do not say which head they hold, --model-name does.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_settings
from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from dgnet.core.settings import as_settings, override_settings
from reid_heads.config import ReIDConfig
from tools.heads.options import add_test_options
from tools.heads.running import test


def main() -> int:
    parser = CommandParser(__doc__)
    add_settings(parser)
    parser.add_argument("--model-name", metavar="NAME", help="the head that the file holds")
    parser.add_argument("--model-path", type=expanded_path, metavar="FILE", required=True, help="its weights")
    add_test_options(parser)
    args = parser.parse_args()
    values = {
        "data.root": args.data,
        "test.batch_size": args.batch_size,
        "test.mirrored": args.mirrored,
    }
    config = override_settings(ReIDConfig(), [*as_settings(values), *args.settings])
    return test(config, args.model_path, args.model_name)


if __name__ == "__main__":
    command(main)
