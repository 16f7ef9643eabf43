"""The frames of "CVAT for video": shapes of tracks by frame, and the pictures that the frames are.

The format names no pictures: CVAT saves the frames of a video as ``images/frame_000012.PNG``, and writes every frame in
which a track's object is, also between key frames. A shape that is ``outside`` says that the object is not there. A
frame that is there as a picture and has no object is a negative example.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from edgetrain.annotations.annotation_set import Picture, Place, Reading
from edgetrain.annotations.import_source import ImportSource, SourceFile, parse_number, parse_size
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.wording import counted

_FRAME = re.compile(r"frame_([0-9]{6,9})")
_FIX = 'Export the video from CVAT with "Save images", a task of pictures as "CVAT for images 1.1".'


@dataclass
class FrameObjects:
    """What a frame shows: boxes, the kinds of what became none, and where the first of them stands."""

    place: Place
    boxes: list[LabelledBox] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass
class Tracks:
    """The shapes of all tracks of a file, taken one by one.

    ``meta`` has what the file says of the task, by the names of the elements.
    """

    meta: dict[str, str] = field(default_factory=dict)
    _frames: dict[int, FrameObjects] = field(default_factory=dict)
    _course: dict[str, list[tuple[int, bool, Place]]] = field(default_factory=dict)
    _tasks: set[str] = field(default_factory=set)

    def add(
        self, track: Mapping[str, str], shape: Mapping[str, str], place: Place, *, is_outside: bool
    ) -> FrameObjects | None:
        """Return where a shape's box belongs; ``None`` for one that is outside.

        Args:
            track: the attributes of its track.
            shape: its own.
            place: where it stands.
            is_outside: whether the object is not in the frame.

        Raises:
            ValueError: it states no frame.
        """
        frame = parse_number(shape.get("frame"))
        if frame is None or frame < 0 or not frame.is_integer():
            raise ValueError(f"the frame is {shape.get('frame')!r}, not a whole number. Correct it.")
        self._tasks.add(track.get("task_id", ""))
        self._course.setdefault(track.get("id", ""), []).append((int(frame), is_outside, place))
        return None if is_outside else self._frames.setdefault(int(frame), FrameObjects(place))

    def pictures(self, source: ImportSource, file: SourceFile, reading: Reading) -> Iterator[Picture]:
        """Yield the frames as pictures; those that are not there are a fault."""
        if not self._course:
            return
        if len(self._tasks) > 1:
            text = f"these are tracks of {len(self._tasks)} tasks, and nothing says which frame belongs to which task."
            reading.fault(Place(file.name), f"{text} Export each task separately.")
            return
        names = _names(source, file)
        missing = sorted(set(self._frames) - set(names))
        if missing:
            text = f"{counted(len(missing), 'frame')} of the tracks without a picture (first frame_{missing[0]:06})."
            reading.fault(self._frames[missing[0]].place, f"{text} {_FIX}")
            return
        self._refuse_gaps(sorted(names), reading)
        start, stop = (parse_number(self.meta.get(key)) for key in ("start_frame", "stop_frame"))
        empty = [
            frame
            for frame in sorted(set(names) - set(self._frames))
            if frame >= (start or 0) and (stop is None or frame <= stop)
        ]
        if empty:
            reading.notes.append(f"{counted(len(empty), 'frame')} without an object: negatives (first {empty[0]})")
        size = parse_size(self.meta.get("width"), self.meta.get("height"))
        for frame in sorted({*self._frames, *empty}):
            shown = self._frames.get(frame, FrameObjects(Place(file.name)))
            for kind in shown.lost:
                reading.lose(kind, names[frame], shown.place)
            own = size or source.size_of(source.path(names[frame]), shown.place, names[frame], reading)
            yield Picture(names[frame], own, tuple(shown.boxes), file.split, shown.place)

    def _refuse_gaps(self, frames: list[int], reading: Reading) -> None:
        """Note a fault where a track is silent about frames that are there, between two in which its object is."""
        for track, course in self._course.items():
            ordered = sorted(course, key=lambda entry: entry[0])
            for (last, was_outside, _), (frame, _, place) in zip(ordered, ordered[1:]):
                between = frames[bisect_right(frames, last) :]
                if not was_outside and between and between[0] < frame:
                    text = f"the track {track!r} has an object in frame {last}, but no entry for frame {between[0]}."
                    reading.fault(place, f"{text} Export from CVAT itself, which writes every frame.")


def _names(source: ImportSource, file: SourceFile) -> dict[int, str]:
    """Return the pictures that are frames of a file's task, by their numbers."""
    found = {}
    for name in source.picture_names:
        stem = PurePosixPath(name).stem
        frame = _FRAME.fullmatch(stem)
        if frame and source.picture(stem, file.split, file.folder) == source.path(name):
            found[int(frame[1])] = name
    return found
