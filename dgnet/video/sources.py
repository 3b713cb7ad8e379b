"""`open_source`: a film, a folder of frames or a camera's stream, by its path or address."""

from dgnet.core.errors import UserError
from dgnet.core.files import nearest_folder, user_path
from dgnet.core.images import is_image_name
from dgnet.video.camera import Camera
from dgnet.video.film import Film
from dgnet.video.frame_folder import FrameFolder
from dgnet.video.frames import Source


def open_source(place: str, *, rate: float | int | None = None) -> Source:
    """The source at a path or an address (`rtsp://...`, `http://...`).

    Args:
        rate: frames a second of a folder, which has no clock.

    Raises:
        UserError: nothing is there, it is no film, or `rate` is given for a film, whose container tells the times.

    Example:
        >>> open_source("data/Market-1501/query").expected()
        2
    """
    if "://" in place:
        film = Film(place)
        source: Source = Camera(place) if film.endless else film
    else:
        path = user_path(place)
        if not path.exists():
            raise UserError(f"{path}: no such film or folder of frames; {nearest_folder(path)}")
        if path.is_dir():
            return FrameFolder(path, rate)
        if is_image_name(path.name):
            raise UserError(f"{path}: must be a film or a folder of frames, it is a still picture")
        source = Film(path)
    if rate is not None:
        raise UserError(f"{place}: --frame-rate is for folders of frames; the times of a film are its container's")
    return source
