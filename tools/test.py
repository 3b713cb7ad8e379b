"""Measure a trained head on a data set's test split: mAP, Rank-1, Rank-5, Rank-10, without and with re-ranking.

    python tools/test.py --TEST_IMS_PER_BATCH 4 --model_name resnet50 --model_path outputs/resnet50/mAP_85.9.pth
    python tools/test.py --model_path outputs/mgn/mAP_87.1.pth --datadir /data/Market-1501 --no-mirrored

The file is one of ours or of the original systems; those do not say which head they hold, --model_name does.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from dgnet.core.settings import as_settings, override_settings
from reid_heads.config import HeadConfig
from tools.heads.options import add_test_options
from tools.heads.running import test


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="section.key=value", help="such as data.layout=csv")
    parser.add_argument("--model_name", metavar="NAME", help="the head that the file holds")
    parser.add_argument("--model_path", type=Path, metavar="FILE", required=True, help="its weights")
    add_test_options(parser)
    args = parser.parse_intermixed_args()
    values = {
        "data.root": args.datadir,
        "test.batch_size": args.TEST_IMS_PER_BATCH,
        "test.mirrored": args.mirrored,
    }
    config = override_settings(HeadConfig(), [*as_settings(values), *args.settings])
    return test(config, args.model_path, args.model_name)


if __name__ == "__main__":
    command(main)
