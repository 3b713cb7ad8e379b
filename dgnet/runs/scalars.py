"""The curves of a run: one row per logged iteration in a CSV file, and the same points for TensorBoard.

A resumed run continues both from the iteration of its checkpoint: rows after it are dropped from the CSV, points after
it are marked as superseded for TensorBoard.
"""

import csv
import io
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboardX import RecordWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from dgnet.core.errors import UserError
from dgnet.core.files import disk_errors_name, replace_text
from dgnet.core.old_files import current_scalar

_FIRST = "iteration"


class ScalarTable:
    """`scalars.csv`: a column `iteration`, and one per scalar in the order of their first appearance.

    A cell is empty where a scalar was not logged. Each row reaches the file when it is added.
    """

    def __init__(self, path: Path, through: int) -> None:
        """Continue the table at `path` (or begin it), with the rows up to iteration `through` (inclusive)."""
        self.path = Path(path)
        self.names: list[str] = []
        self._last: int | None = None
        if self.path.exists():
            rows = read_scalars(self.path)
            rows_through = [row for row in rows if row[0] <= through]
            self.names = _names(self.path)
            whole = self.path.read_bytes()
            header = _csv_line([_FIRST, *self.names]).encode()
            if len(rows_through) < len(rows) or not whole.endswith(b"\n") or not whole.startswith(header):
                self._rewrite(rows_through)
            self._last = rows_through[-1][0] if rows_through else None

    def add(self, iteration: int, values: Mapping[str, float | int]) -> None:
        """Append one row, or complete the last one where that is the row of `iteration`.

        A scalar that is new to the table becomes its last column.
        """
        new = [name for name in values if name not in self.names]
        completes = iteration == self._last
        if new or completes or not self.path.exists():
            rows = read_scalars(self.path) if self.path.exists() else []
            self.names += new
            if completes:
                rows[-1] = (iteration, {**rows[-1][1], **values})
            self._rewrite(rows)
        if completes:
            return
        self._last = iteration
        with disk_errors_name(self.path), open(self.path, "a", encoding="utf-8", newline="") as handle:
            handle.write(self._format(iteration, values))

    def _format(self, iteration: int, values: Mapping[str, float | int]) -> str:
        cells = [repr(float(values[name])) if name in values else "" for name in self.names]
        return _csv_line([str(iteration), *cells])

    def _rewrite(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        replace_text(self.path, _csv_line([_FIRST, *self.names]) + "".join(self._format(*row) for row in rows))


def read_scalars(path: Path) -> list[tuple[int, dict[str, float]]]:
    """The rows of a `scalars.csv`: the iteration, and the scalars logged there by name.

    A last row that a kill cut short is left out. Raises `UserError` naming the file when it is not such a table.
    """
    names = _names(path)
    text = Path(path).read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    rows = []
    for number, (iteration, *cells) in enumerate(csv.reader(io.StringIO(whole)), start=1):
        if number == 1:
            continue
        try:
            values = {name: float(cell) for name, cell in zip(names, cells, strict=True) if cell}
            rows.append((int(iteration), values))
        except ValueError as error:
            line = ",".join([iteration, *cells])
            raise UserError(f"{path}, line {number}: expected {1 + len(names)} numbers, got {line!r}") from error
    return rows


def _names(path: Path) -> list[str]:
    with open(path, encoding="utf-8", newline="") as handle:
        columns = next(csv.reader(handle), [])
    if columns[:1] != [_FIRST]:
        raise UserError(f"{path} is not a table of scalars: its first column must be '{_FIRST}'")
    return [current_scalar(name) for name in columns[1:]]


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


class TensorBoardCurves:
    """The points of one session of a run, in an event file of its own that TensorBoard reads next to those before it.

    The file is written here and not by the background thread of a SummaryWriter: every point is on the disk when the
    process is killed a moment later, and a full disk is an error rather than the silent end of a thread.
    """

    def __init__(self, folder: Path, start: int) -> None:
        """Begin after iteration `start`; when resuming, TensorBoard forgets what earlier sessions logged beyond it."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        # Nanoseconds: with TensorBoard's usual seconds two quick starts would share one file.
        name = f"events.out.tfevents.{time.time_ns()}.{platform.node()}"
        self._path = Path(folder) / name
        self._writer = RecordWriter(str(self._path))
        self._write(Event(file_version="brain.Event:2"))
        if start > 0:
            self._write(Event(step=start + 1, session_log=SessionLog(status=SessionLog.START)))

    def add(self, iteration: int, values: Mapping[str, float | int]) -> None:
        """One point on each curve."""
        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(Event(step=iteration, summary=Summary(value=points)))

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        with disk_errors_name(self._path):
            self._writer.write(event.SerializeToString())
            self._writer.flush()
