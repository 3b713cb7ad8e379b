"""CSV files of a user: the columns and rows, or one sentence that says where they cannot be read."""

import csv
import io
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import read_text

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path) -> tuple[tuple[str, ...], list[tuple[str, dict[str, str]]]]:
    """The columns that the first line of a CSV file names, and its rows, each with the place that an error names.

    Cells that are missing at the end of a line are empty. Spaces behind a comma, and around the names of columns, are
    left out.

    Raises:
        UserError: the file is no text, a quote is not closed, a line has more cells than the first, or the separators
            are no commas.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "list.csv"
        >>> _ = path.write_text("path,identity\\na.png,7\\n")
        >>> columns, rows = read_csv(path)
        >>> columns, [row for _, row in rows]
        (('path', 'identity'), [{'path': 'a.png', 'identity': '7'}])
    """
    lines = csv.reader(io.StringIO(read_text(path), newline=""), skipinitialspace=True, strict=True)
    rows: list[tuple[str, dict[str, str]]] = []
    columns: tuple[str, ...] = ()
    line = 1
    try:
        for cells in lines:
            where, line = f"{path}, line {line}", lines.line_num + 1
            if not columns:
                columns = tuple(cell.strip() for cell in cells)
                _refuse_header(path, columns)
            elif len(cells) > len(columns):
                raise UserError(f"{where}: more values than columns; quote a path that has a comma in it")
            elif cells:
                rows.append((where, dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))))
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: not readable as CSV ({error}); is a quote not closed?") from error
    return columns, rows


def _refuse_header(path: Path, columns: tuple[str, ...]) -> None:
    for separator, word in _OTHER_SEPARATORS.items():
        if len(columns) == 1 and separator in columns[0]:
            raise UserError(f"{path}: its columns must be separated by commas, they are by {word}")
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: the first line names the column {twice} twice")
