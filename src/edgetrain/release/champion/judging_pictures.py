"""The pictures of TFRecords on which two models are compared, known by the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetrain.core.detections import DetectedObject
from edgetrain.core.errors import MissingInputError
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.evaluation.metrics import detections_of, judge
from edgetrain.records.example import DetectionExample, read_examples
from edgetrain.release.champion.decision import PictureSets
from edgetrain.release.champion.values import Accuracy, JudgedPicture


@dataclass(frozen=True)
class JudgingPictures:
    """All test pictures, then those validation pictures that judged the champion; ``digests`` in the same order.

    ``own`` and ``champion`` are places among them: the test pictures, and what is left of the champion's.
    """

    examples: Sequence[DetectionExample]
    digests: Sequence[str]
    own: Sequence[int]
    champion: Sequence[int]
    sets: PictureSets

    def has_objects(self, places: Sequence[int]) -> bool:
        """Return whether anything is labelled in some of the pictures."""
        return any(self.examples[place].boxes for place in places)

    def test_pictures(self) -> tuple[JudgedPicture, ...]:
        """Return the test pictures as a record names them."""
        return tuple(JudgedPicture(self.digests[place], self.examples[place].filename) for place in self.own)

    def accuracy(
        self, places: Sequence[int], found: Sequence[Sequence[DetectedObject]], class_names: Sequence[str]
    ) -> Accuracy:
        """Return the figures of what a model found in all pictures, over some of them.

        Args:
            places: the pictures that count.
            found: what the model found in each of all pictures.
            class_names: in the order of their ids.

        Raises:
            ValueError: these pictures have no ground truth.
        """
        examples = [self.examples[place] for place in places]
        boxes = Counter(box.class_name for example in examples for box in example.boxes)
        metrics = judge(examples, detections_of(examples, [found[place] for place in places]), class_names)
        return Accuracy(
            pictures=len(examples),
            class_boxes={name: boxes[name] for name in class_names},
            mean_average_precision=metrics.mean_average_precision,
            ap50=metrics.ap50,
            class_ap=metrics.class_ap,
        )


def read_judging_pictures(workspace: Workspace, champion: Sequence[JudgedPicture]) -> JudgingPictures:
    """Return the pictures of a workspace's records.

    Args:
        workspace: has the records.
        champion: the test pictures of the champion.

    Raises:
        MissingInputError: no test picture has an object.
        DatasetError: a record is broken.
    """
    wanted = {picture.sha256 for picture in champion}
    pairs = list(_with_digests(workspace, Split.TEST))
    own = range(len(pairs))
    if not any(example.boxes for _, example in pairs):
        raise MissingInputError(
            f"{workspace.shard_pattern(Split.TEST)}: {len(pairs)} pictures without a single object cannot judge a "
            "model. Put labelled pictures into this split."
        )
    pairs += [pair for pair in _with_digests(workspace, Split.VALIDATION) if pair[0] in wanted]
    digests = [digest for digest, _ in pairs]
    return JudgingPictures(
        examples=[example for _, example in pairs],
        digests=digests,
        own=own,
        champion=[place for place, digest in enumerate(digests) if digest in wanted],
        sets=PictureSets(
            train={digest for digest, _ in _with_digests(workspace, Split.TRAIN) if digest in wanted},
            judging=set(digests),
            champion=champion,
        ),
    )


def _with_digests(workspace: Workspace, split: Split) -> Iterator[tuple[str, DetectionExample]]:
    for example in read_examples(workspace.shard_paths(split)):
        yield hashlib.sha256(example.image_bytes).hexdigest(), example
