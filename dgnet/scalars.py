"""The curves of a run: one row per logged iteration in a CSV file, and the same points for TensorBoard.

A resumed run continues both from the iteration of its checkpoint: rows after it are dropped from the CSV, points after
it are marked as superseded for TensorBoard.
"""

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from dgnet.errors import UserError
from dgnet.files import replace_text

_FIRST = "iteration"


class ScalarTable:
    """`scalars.csv`: a column `iteration`, and one per scalar in the order of their first appearance.

    A cell is empty where a scalar was not logged. Each row reaches the file when it is added.
    """

    def __init__(self, path: Path, through: int) -> None:
        """Continue the table at `path` (or begin it), with the rows up to iteration `through` (inclusive)."""
        self.path = Path(path)
        self.columns = [_FIRST]
        if self.path.exists():
            rows = read_scalars(self.path)
            kept = [row for row in rows if row[_FIRST] <= through]
            self.columns = _header(self.path)
            if len(kept) < len(rows) or not self.path.read_bytes().endswith(b"\n"):
                self._rewrite(kept)

    def add(self, iteration: int, values: Mapping[str, float]) -> None:
        """Append one row. A scalar that is new to the table becomes its last column."""
        new = [name for name in values if name not in self.columns]
        if new or not self.path.exists():
            rows = read_scalars(self.path) if self.path.exists() else []
            self.columns += new
            self._rewrite(rows)
        with open(self.path, "a", encoding="utf-8", newline="") as handle:
            handle.write(self._format({_FIRST: iteration, **values}))

    def _format(self, row: Mapping[str, float]) -> str:
        line = io.StringIO()
        cells = [repr(float(row[name])) if name in row else "" for name in self.columns[1:]]
        csv.writer(line, lineterminator="\n").writerow([int(row[_FIRST]), *cells])
        return line.getvalue()

    def _rewrite(self, rows: list[dict[str, float]]) -> None:
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow(self.columns)
        replace_text(self.path, header.getvalue() + "".join(self._format(row) for row in rows))


def read_scalars(path: Path) -> list[dict[str, float]]:
    """The rows of a `scalars.csv`: `iteration` (int) and the scalars logged there.

    A last row that a kill cut short is left out. Raises `UserError` naming the file when it is not such a table.
    """
    columns = _header(path)
    text = Path(path).read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    rows: list[dict[str, float]] = []
    for number, cells in enumerate(csv.reader(io.StringIO(whole)), start=1):
        if number == 1:
            continue
        try:
            row = {name: float(cell) for name, cell in zip(columns, cells, strict=True) if cell}
            rows.append({**row, _FIRST: int(cells[0])})
        except ValueError as error:
            found = ",".join(cells)
            raise UserError(f"{path}, line {number}: expected {len(columns)} numbers, found {found!r}") from error
    return rows


def _header(path: Path) -> list[str]:
    with open(path, encoding="utf-8", newline="") as handle:
        columns = next(csv.reader(handle), [])
    if columns[:1] != [_FIRST]:
        raise UserError(f"{path} is not a table of scalars: its first column must be '{_FIRST}'")
    return columns


class TensorBoardCurves:
    """The points of one session of a run, in an event file of its own that TensorBoard reads next to those before it.

    The file is written directly, not through tensorboardX's background thread: what was logged is on the disk when the
    process is killed a moment later, and a full disk is an error here rather than a silent end of the thread.
    """

    def __init__(self, folder: Path, start: int) -> None:
        """Begin after iteration `start`; when resuming, TensorBoard forgets what earlier sessions logged beyond it."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        # The file's own name counts in seconds: without the suffix two quick starts would share one file.
        self._writer = EventsWriter(str(Path(folder) / "events"), filename_suffix=f".{time.time_ns()}")
        if start > 0:
            restart = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(step=start + 1, wall_time=time.time(), session_log=restart))
        self._writer.flush()

    def add(self, iteration: int, values: Mapping[str, float]) -> None:
        """One point on each curve."""
        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._writer.write_event(Event(step=iteration, wall_time=time.time(), summary=Summary(value=points)))
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()
