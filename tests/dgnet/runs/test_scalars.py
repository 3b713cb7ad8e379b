import math
import struct

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from dgnet.core.errors import UserError
from dgnet.runs.scalars import ScalarTable, TensorBoardCurves, read_scalars


def test_rows_grow_columns_as_they_need_them(tmp_path):
    table = ScalarTable(tmp_path / "scalars.csv", through=0)
    assert not table.path.exists()
    table.add(10, {"loss/a": 0.1, "weight/a": 1})
    table.add(20, {"loss/a": math.nan, "loss/b": 1e-30})
    assert table.path.read_text() == "iteration,loss/a,weight/a,loss/b\n10,0.1,1.0,\n20,nan,,1e-30\n"
    rows = read_scalars(table.path)
    assert rows[0] == (10, {"loss/a": 0.1, "weight/a": 1.0})
    assert rows[1][0] == 20 and math.isnan(rows[1][1]["loss/a"]) and rows[1][1]["loss/b"] == 1e-30


def test_a_resumed_table_forgets_what_came_after_the_checkpoint(tmp_path):
    path = tmp_path / "scalars.csv"
    table = ScalarTable(path, through=0)
    for iteration in (10, 20, 30):
        table.add(iteration, {"loss": iteration / 7})
    whole = path.read_text()
    with open(path, "a") as handle:
        handle.write("40,0.12")  # killed in the middle of a row
    table = ScalarTable(path, through=20)
    table.add(30, {"loss": 30 / 7})
    assert path.read_text() == whole


def test_a_cut_row_is_dropped_even_if_it_looks_whole(tmp_path):
    path = tmp_path / "scalars.csv"
    path.write_text("iteration,loss\n10,0.5\n20,0.12")
    assert read_scalars(path) == [(10, {"loss": 0.5})]
    ScalarTable(path, through=50).add(20, {"loss": 0.125})
    assert path.read_text() == "iteration,loss\n10,0.5\n20,0.125\n"


@pytest.mark.parametrize("text", ["", "loss\n1\n", "iteration,loss\n10,0.5,7\n", "iteration,loss\n10,abc\n"])
def test_what_is_no_table_is_named(tmp_path, text):
    path = tmp_path / "scalars.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"scalars\.csv"):
        read_scalars(path)


def read_events(path):
    """The events of a TFRecord file: length (8 bytes), its checksum (4), the event, its checksum (4)."""
    data, position, events = path.read_bytes(), 0, []
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        events.append(Event.FromString(data[position + 12 : position + 12 + length]))
        position += length + 16
    return events


def test_tensorboard_gets_each_point_at_once_and_a_restart_supersedes(tmp_path):
    first = TensorBoardCurves(tmp_path / "logs", start=0)
    first.add(10, {"loss/a": 0.5, "weight/a": 2.0})
    first.add(20, {"loss/a": 0.25})
    # Not closed: as if killed. A second start within the same second must not take the first one's file.
    second = TensorBoardCurves(tmp_path / "logs", start=10)
    second.add(20, {"loss/a": 0.125})
    second.close()
    old, new = (read_events(path) for path in sorted((tmp_path / "logs").iterdir()))
    points = [(event.step, [(v.tag, v.simple_value) for v in event.summary.value]) for event in old[1:]]
    assert points == [(10, [("loss/a", 0.5), ("weight/a", 2.0)]), (20, [("loss/a", 0.25)])]
    assert new[0].file_version == "brain.Event:2"
    assert (new[1].step, new[1].session_log.status) == (11, SessionLog.START)
    assert new[2].step == 20 and new[2].summary.value[0].simple_value == 0.125
    first.close()
