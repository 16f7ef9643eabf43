"""Two names that tf-slim 1.1.0 looks up where TensorFlow has had them only until 2.12.

tf-slim calls ``control_flow_ops.case`` and ``control_flow_ops.cond``; TensorFlow moved both to modules of their own,
and without them the Object Detection API cannot decode a TFRecord (tensorflow/models issues 11099 and 13494).
"""

from __future__ import annotations

from tensorflow.python.ops import cond, control_flow_case, control_flow_ops


def restore_moved_names() -> None:
    """Put the two names back where tf-slim looks for them; doing it twice is harmless."""
    control_flow_ops.case = control_flow_case.case
    control_flow_ops.cond = cond.cond
