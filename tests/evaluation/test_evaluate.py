"""The gate on what quantization may cost, and splits that cannot judge."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.evaluation.metrics import Metrics
from edgetrain.records.example import DetectionExample
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("pictures", [pytest.param(0, id="no picture"), pytest.param(3, id="only negatives")])
def test_a_split_without_objects_cannot_judge(settings, workspace, pictures):
    """The message names the split's records and how many pictures they hold."""
    from edgetrain.evaluation import evaluate

    example = DetectionExample("a.jpg", "images/a.jpg", b"", "jpeg", ImageSize(8, 8), ())
    write_label_map(workspace.label_map_path, LabelMap(("boat",)))
    workspace.records_dir.mkdir(parents=True)
    write_records(workspace.shard_path(Split.TEST, 0, 1), [encode_example(example)] * pictures)

    with pytest.raises(MissingInputError, match=rf"test\.record-.*: {pictures} pictures without a single object"):
        evaluate.run(settings(), workspace)


def _judged(float32_ap50, int8_ap50):
    """Return figures of both models whose AP is half their AP50."""
    return {
        name: Metrics(mean_average_precision=ap50 / 2, ap50=ap50, ap75=0.0, average_recall=0.0, class_ap={})
        for name, ap50 in {"float32": float32_ap50, "int8": int8_ap50}.items()
    }


@pytest.mark.parametrize(
    ("limits", "missed"),
    [
        pytest.param({}, {}, id="no limit"),
        pytest.param({"max_ap_drop": 0.1, "min_ap50": 0.5}, {}, id="just reached"),
        pytest.param({"max_ap_drop": 0.09}, {"--max-ap-drop": "int8 loses 0.100 AP against float32"}, id="drop"),
        pytest.param({"min_ap50": 0.51}, {"--min-ap50": "int8 has an AP50 of 0.500, less than"}, id="AP50"),
        pytest.param({"max_ap_drop": 0, "min_ap50": 1}, {"--max-ap-drop": "", "--min-ap50": ""}, id="both"),
    ],
)
def test_each_limit_is_held_against_its_own_figure(settings, limits, missed):
    from edgetrain.evaluation import evaluate

    chosen = settings(**{f"evaluate__{name}": value for name, value in limits.items()}).evaluate
    found = evaluate.missed_limits(chosen, _judged(0.7, 0.5))

    assert list(found) == list(missed)
    assert all(found[flag].startswith(text) for flag, text in missed.items())


@pytest.mark.parametrize(
    ("float32_ap50", "remedy"),
    [
        pytest.param(0.6, "float32 has an AP50 of only 0.600 itself: train longer", id="training is to blame"),
        pytest.param(0.9, 'run "ci/inv quantize" again, which measures', id="quantization is, nothing is measured"),
    ],
)
def test_the_remedy_depends_on_what_is_to_blame(settings, float32_ap50, remedy):
    from edgetrain.evaluation import evaluate

    limits, metrics = settings(evaluate__min_ap50=0.8).evaluate, _judged(float32_ap50, 0.5)
    steps = evaluate.remedies(evaluate.missed_limits(limits, metrics), limits, metrics, None)

    assert steps[0].startswith(remedy)
    assert steps[1:] == ["if your use can bear the loss, allow it with --min-ap50"]
