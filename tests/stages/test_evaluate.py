"""The gate on what quantization may cost, and splits that cannot judge."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.formats.detection_example import DetectionExample, encode_example
from edgetrain.formats.pbtxt import write_label_map
from edgetrain.formats.tfrecord import write_records

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("pictures", [pytest.param(0, id="no picture"), pytest.param(3, id="only negatives")])
def test_a_split_without_objects_cannot_judge(settings, workspace, pictures):
    """The message names the split's records and how many pictures they hold."""
    from edgetrain.stages import evaluate

    example = DetectionExample("a.jpg", "images/a.jpg", b"", "jpeg", ImageSize(8, 8), ())
    write_label_map(workspace.label_map_path, LabelMap(("boat",)))
    workspace.records_dir.mkdir(parents=True)
    write_records(workspace.shard_path(Split.TEST, 0, 1), [encode_example(example)] * pictures)

    with pytest.raises(MissingInputError, match=rf"test\.record-.*: {pictures} pictures without a single object"):
        evaluate.run(settings(), workspace)


def test_without_what_quantize_measured_no_remedy_is_guessed(workspace):
    """The message says how to get to know."""
    from edgetrain.stages import evaluate

    assert evaluate._remedies(workspace) == (
        'What may help is not known: run "ci/inv quantize" again, which measures it.'
    )
