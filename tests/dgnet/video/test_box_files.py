"""Every form of a file of boxes, and what is wrong in one."""

from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from dgnet.video.box_files import BoxTable, mot_line, read_boxes
from tests.messages import mentions


@pytest.fixture
def read(tmp_path: Path):
    def written_and_read(text: str | bytes, **options: int) -> BoxTable:
        path = tmp_path / "boxes.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_boxes(path, **options)

    return written_and_read


def summary(table: BoxTable) -> list[tuple]:
    """(frame, track, left, top, width, height) of each box."""
    columns = table.frames, table.boxes.tracks, *table.boxes.places.T
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


@pytest.mark.parametrize(
    ("line", "score", "track"),
    [
        ("1,-1,10,20,30,80,0.5,-1,-1,-1", 0.5, -1),
        ("1,7,10,20,30,80,1,-4.15,-7.35,0", 1, 7),
        ("1,7,10,20,30,80,1,1,0.86014", 1, 7),
        ("1, -1, 10, 20, 30, 80, 0.5", 0.5, -1),
        ("1 7 10 20 30 80 0.5", 0.5, 7),
        ("1.0,7.0,1e1,2.0e1,3.0e1,8.0e1,5.0e-1", 0.5, 7),
        ("1,7,10,20,30,80", np.nan, 7),
        ("1,7,10,20,30,80,-1,-1,-1,-1", np.nan, 7),
        ("1,0,10,20,30,80,-0.5,", -0.5, 0),
        ("\ufeff1,7,10,20,30,80,0.5\r\n\r\n", 0.5, 7),
    ],
)
def test_forms_of_the_mot_challenge(read, line: str, score: float, track: int) -> None:
    table = read(line)
    assert summary(table) == [(0, track, 10, 20, 30, 80)]
    assert np.array_equal(table.boxes.scores, [score], equal_nan=True)
    assert table.tracked == (track >= 0) and table.first_frame == 1


def test_frames_in_any_order_with_gaps(read) -> None:
    table = read("5,2,1,1,9,9,1\n2,1,0,0,9,9,1\r\n5,1,3,3,9,9,1\n")
    assert summary(table) == [(1, 1, 0, 0, 9, 9), (4, 2, 1, 1, 9, 9), (4, 1, 3, 3, 9, 9)]
    assert [len(table.of(frame)) for frame in range(6)] == [0, 1, 0, 0, 2, 0]
    assert table.of(4).rows.tolist() == [1, 3]
    assert (table.after(4), table.after(5)) == (2, 0)


def test_what_takes_no_part_is_counted(read) -> None:
    table = read("1,1,0,0,9,9,1,1,1\n1,2,0,0,9,9,0,1,1\n1,3,0,0,9,9,1,3,1\n1,4,0,0,0,9,1,1,1\n1,-1,0,0,9,9,1,1,1\n")
    assert summary(table) == [(0, 1, 0, 0, 9, 9)]
    assert list(table.left_out.values()) == [1, 1, 1, 1]
    assert "1 rows of confidence 0" in str(table) and "1 boxes without area" in str(table)


def test_a_box_that_is_there_twice_is_one_person(read) -> None:
    """A file that was appended to itself, or a box as car and as truck, made two tracks of each person."""
    table = read("2,-1,0,0,9,9,0.5\n1,-1,0,0,9,9,0.4\n1,-1,0,0,9,9,0.7\n1,-1,0,1,9,9,0.6\n2,-1,0,0,9,9,0.5\n")
    assert summary(table) == [(0, -1, 0, 0, 9, 9), (0, -1, 0, 1, 9, 9), (1, -1, 0, 0, 9, 9)]
    assert table.boxes.scores.tolist() == [0.7, 0.6, 0.5]
    assert "2 repeats of a box of the same frame left out" in str(table)
    # Of two tracks each is somebody.
    assert len(read("1,1,0,0,9,9,1\n1,2,0,0,9,9,1\n").frames) == 2


@pytest.mark.parametrize(
    ("head", "row", "first"),
    [
        ("frame,left,top,width,height", "3,10,20,30,80", 0),
        ("Frame_Index,x_min,y_min,x_max,y_max,confidence", "3,10,20,40,100,0.5", 0),
        ("x1,y1,x2,y2,frame,class", "10,20,40,100,3,person", 0),
        ("frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z", "3,-1,10,20,30,80,0.5,-1,-1,-1", 1),
    ],
)
def test_csv_with_names(read, head: str, row: str, first: int) -> None:
    table = read(f"{head}\n{row}\n")
    assert summary(table) == [(3 - first, -1, 10, 20, 30, 80)]
    assert summary(read(f"{head}\n{row}\n", first_frame=1)) == [(2, -1, 10, 20, 30, 80)]


def test_classes_of_csv(read) -> None:
    text = "frame,x1,y1,x2,y2,class_id,track_id\n0,0,0,9,9,0,4\n0,0,0,9,9,2,5\n"
    assert summary(read(text, person_class=0)) == [(0, 4, 0, 0, 9, 9)]
    with pytest.raises(UserError, match=mentions("line 2", "--person-class")):
        read(text)
    with pytest.raises(UserError, match="--person-class"):
        read("1,7,10,20,30,80,0.5", person_class=0)


@pytest.mark.parametrize("name", ["target_id", "TrackID ", "Category", "type", "prob", "person id"])
def test_a_track_a_score_or_a_class_by_another_name_is_not_passed_over(read, name: str) -> None:
    """Cars were people, and known tracks were linked anew."""
    with pytest.raises(UserError, match=mentions(name.strip().lower(), "is not read")):
        read(f"frame,left,top,width,height,{name}\n0,1,2,30,80,1\n")
    # Beside what is read it is no matter.
    whole = f"frame,left,top,width,height,track,score,class,{name}\n0,1,2,30,80,7,0.5,person,1\n"
    assert read(whole).boxes.tracks.tolist() == [7]


def test_the_class_column_of_ultralytics(read) -> None:
    text = "frame,track_id,x1,y1,x2,y2,conf,cls\n0,1,0,0,9,9,0.9,0\n0,2,0,0,9,9,0.9,2\n"
    assert read(text, person_class=0).boxes.tracks.tolist() == [1]
    with pytest.raises(UserError, match="--person-class"):
        read(text)


def test_other_classes_than_those_of_the_mot_challenge_are_asked_for(read) -> None:
    """People of COCO's class 0 were left out and bicycles of class 1 kept; cars of VisDrone were people."""
    boxmot = "1,1,10,20,30,80,0.9,{},-1\n1,2,50,20,30,80,0.9,{},-1\n"
    visdrone = "1,1,10,20,30,80,1,{},0,1\n1,2,50,20,30,80,1,{},0,0\n"
    for text, people, others in ((boxmot, 0, 1), (visdrone, 1, 4), (visdrone.replace(",0,1", ",-1,-1"), 1, 3)):
        with pytest.raises(UserError, match="--person-class"):
            read(text.format(people, others))
        table = read(text.format(people, others), person_class=people)
        assert (table.boxes.tracks.tolist(), table.left_out) == ([1], {"rows of other classes": 1})
    # Positions of MOT-15, and zeros in their place.
    assert len(read("1,1,10,20,30,80,1,-1,-1,-1\n1,2,50,20,30,80,1,4,0,1.5\n").frames) == 2
    assert len(read("1,1,10,20,30,80,1,0,0,0\n").frames) == 1


def test_a_class_number_is_that_of_the_numbers(read) -> None:
    """--person-class was without effect where the names of classes stand beside their numbers."""
    head, row = "frame,left,top,width,height,", "0,1,2,30,80,"
    both = f"{head}class_name,class_id\n{row}person,0\n{row}rider,1\n"
    assert read(both).boxes.rows.tolist() == [2] and read(both, person_class=1).boxes.rows.tolist() == [3]
    with pytest.raises(UserError, match=mentions("--person-class 1", "rider")):
        read(f"{head}label\n{row}rider\n", person_class=1)


def test_track_numbers_that_number_the_rows_are_told(read) -> None:
    head = "id,frame,left,top,width,height\n"
    assert "2 tracks, of one box each" in str(read(f"{head}1,0,1,2,30,80\n2,1,1,2,30,80\n"))
    assert "of one box" not in str(read(f"{head}1,0,1,2,30,80\n1,1,1,2,30,80\n"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", ("is empty",)),
        ("\n\n", ("is empty",)),
        ("1,1,0,0,nan,9,1", ("line 1", "width", "nan")),
        ("1,1,0,0,9,9,1\n2,1,0,inf,9,9,1", ("line 2", "inf")),
        ("1,1,0,0,9,9,1\n2,1,0,1_5,9,9,1", ("line 2", "1_5")),
        ("1,1,0,0,9,9,1\n2,1,0,0,9,9", ("line 2", 7, 6)),
        ("1.5,1,0,0,9,9,1", ("line 1", "frame", "1.5")),
        ("1,-2,0,0,9,9,1", ("line 1", "track", "-2")),
        ("1,1e17,0,0,9,9,1", ("line 1", "track", "1e17")),
        ("1,1,0,0,9", ("6, 7, 9, 10", 5)),
        ("1,1,0,0,9,9,1,0", ("6, 7, 9, 10", 8)),
        ("0,1,0,0,9,9,1", ("line 1", "frame 0", "--first-frame 0")),
        ("1,1,0,0,9,9,0", ("1 rows of confidence 0",)),
        ("2,3,0,0,9,9,1\n1,3,0,0,9,9,1\n1,3,5,5,9,9,1", ("track", "3 stands twice in frame 1", "lines 2 and 3")),
        ("frame,x,y,w,h\n0,1,1,9,9", ("left, top, width, height", "frame, x, y, w, h")),
        ("frame,left,top,width,height,frame\n", ("frame", "twice")),
        ("frame,left,top,width,height\n", ("has none",)),
        ("frame,left,top,width,height,source\n0,0,0,9,9,a\n0,0,0,9,9,b\n", ("a and b",)),
        (b"\xff\xfe\x00\x01", ("UTF-8",)),
    ],
)
def test_what_is_wrong_is_named(read, text: str | bytes, named: tuple) -> None:
    with pytest.raises(UserError, match=mentions("boxes.txt", *named)):
        read(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing.txt"):
        read_boxes(tmp_path / "nothing.txt")


def test_a_written_file_is_read_as_it_was(read) -> None:
    lines = [mot_line(3, 7, np.array([-1.25, 2, 3.123456, 4]), 0.1), mot_line(0, 8, np.array([1.0, 2, 3, 4]), np.nan)]
    table = read("".join(lines[:1]))
    assert summary(table) == [(3, 7, -1.25, 2, 3.123456, 4)] and table.boxes.scores.tolist() == [0.1]
    assert np.isnan(read(lines[1]).boxes.scores).all()
