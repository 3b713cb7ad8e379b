"""Write Market-1501 in the folder layout of the official DG-Net, for programs that want it. Training here does not.

    python tools/prepare_market.py --data Market-1501-v15.09.15

creates Market-1501-v15.09.15/pytorch/{train_all,train,val,query,gallery,multi-query}/ID/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from dgnet.data.prepare_market import prepare_market


def main() -> None:
    """Parse, write, say what was written."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--data", type=expanded_path, required=True, metavar="DIR", help="folder with bounding_box_train"
    )
    parser.add_argument(
        "--output", type=expanded_path, metavar="DIR", help="a new folder to write (default: DIR/pytorch)"
    )
    parser.add_argument("--copy", action="store_true", help="copy the images (default: hard links)")
    options = parser.parse_args()
    written = prepare_market(options.data, options.output, options.copy)
    for folder, images in written.images.items():
        print(f"{folder:<12}{images:>8} images")
    print(f"{written.output}: {written.linked} links, {written.copied} copies, {written.skipped} files passed over")


if __name__ == "__main__":
    command(main)
