"""What a TFLite model is, told from its outputs: a detector and how its outputs are read, a classifier, or else.

Known detectors, by the shapes of their outputs (``N`` boxes, ``NC`` classes)::

    ssd           the four outputs of TFLite_Detection_PostProcess, in any order
    yolo-dfl      (1, N, 64) box distances as DFL logits and (1, N, NC) class logits, strides 8, 16, 32; a third output
                  (1, N, 1) is ignored: what Frigate calls yolo-generic
    yolo          (1, 4 + NC, N) or (1, N, 4 + NC): centre, size and scores of the classes
    efficientdet  (1, N, 4) and (1, N, NC), with anchors (N, 4) as a constant of the file

Sources: TensorFlow's ``detection_postprocess.cc``; ``frigate/detectors/plugins/edgetpu_tfl.py`` of Frigate 0.17; the
head of YOLOv8 as onnx2tf and Ultralytics export it; EfficientDet (arXiv 1911.09070).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrain.core.wording import counted
from edgetrain.tflite.file import POST_PROCESS, Operator, Subgraph, Tensor, TfliteModel

SSD, YOLO_DFL, YOLO, EFFICIENTDET = "ssd", "yolo-dfl", "yolo", "efficientdet"
DECODERS = (SSD, YOLO_DFL, YOLO, EFFICIENTDET)
DETECTOR, CLASSIFIER, OTHER = "detector", "classifier", "other"
SSD_ORDER = ("boxes", "classes", "scores", "count")
TENSORFLOW_2_ORDER = ("scores", "boxes", "count", "classes")
STRIDES = (8, 16, 32)
DFL_CHANNELS = 64
_BOX, _RANK, _PICTURE_RANK = 4, 3, 4
_ANCHORS_PER_CELL = 3  # of YOLO before version 8
_MORE = "more"


@dataclass(frozen=True)
class ModelKind:
    """What a model is.

    ``kind`` is ``detector``, ``classifier`` or ``other``; ``decoder`` is one of :data:`DECODERS`, empty where none
    fits; ``outputs`` say what each output of the file holds, in its order; ``classes`` is their number, 0 where the
    file does not say it; ``findings`` are what a reader of these outputs must know.
    """

    kind: str
    decoder: str = ""
    outputs: tuple[str, ...] = ()
    classes: int = 0
    findings: tuple[str, ...] = ()

    def text(self) -> str:
        """Return one line for a person."""
        if self.kind == CLASSIFIER:
            return f"a classifier of {self.classes:,} classes"
        if self.kind == OTHER:
            return "no detector and no classifier that is known here"
        decoder = f"decoder {self.decoder}" if self.decoder else "no decoder here reads it"
        classes = f", {self.classes} classes" if self.classes else ""
        return f"a detector: {decoder}{classes}; outputs {', '.join(self.outputs)}"


def kind_of(model: TfliteModel) -> ModelKind:
    """Return what a model is."""
    graph = model.subgraphs[0] if model.subgraphs else Subgraph((), (), (), ())
    post_process = [operator for operator in graph.operators if operator.name == POST_PROCESS]
    if len(post_process) == 1 and len(post_process[0].outputs) == len(SSD_ORDER):
        return _ssd(graph, post_process[0])
    outputs = [graph.tensors[place] for place in graph.outputs]
    for kind in (_four_outputs(outputs), _two_heads(graph, outputs), _one_head(graph, outputs), _classifier(outputs)):
        if kind is not None:
            return kind
    return ModelKind(OTHER)


def grid_cells(width: int, height: int) -> int:
    """Return the number of cells of a picture's three grids, of strides 8, 16 and 32 pixels."""
    return sum((width // stride) * (height // stride) for stride in STRIDES)


def _ssd(graph: Subgraph, post_process: Operator) -> ModelKind:
    names = dict(zip(post_process.outputs, SSD_ORDER))
    outputs = tuple(names.get(place, _MORE) for place in graph.outputs)
    return ModelKind(DETECTOR, SSD, outputs, _ssd_classes(graph, post_process), _order_findings(outputs))


def _ssd_classes(graph: Subgraph, post_process: Operator) -> int:
    """Return the number of classes: scores have one column more, for the background."""
    places = post_process.inputs[1:2]
    shape = graph.tensors[places[0]].shape if places and places[0] >= 0 else ()
    return max(shape[-1] - 1, 0) if shape else 0


def _order_findings(outputs: Sequence[str]) -> tuple[str, ...]:
    if tuple(outputs[: len(SSD_ORDER)]) == SSD_ORDER:
        return ()
    source = ", as TensorFlow 2.6 and later write them" if tuple(outputs) == TENSORFLOW_2_ORDER else ""
    finding = (
        f"the outputs are {', '.join(outputs)}{source}; Frigate and Coral's programs read {', '.join(SSD_ORDER)}: "
        'run "ci/inv adapt"'
    )
    return (finding,)


def _four_outputs(outputs: Sequence[Tensor]) -> ModelKind | None:
    """Return the detector that four outputs without their operator are: shapes tell boxes and count, no more."""
    if len(outputs) != len(SSD_ORDER):
        return None
    shapes = [_squeezed(tensor.shape) for tensor in outputs]
    boxes = [index for index, shape in enumerate(shapes) if len(shape) == 2 and shape[1] == _BOX]  # noqa: PLR2004
    counts = [index for index, tensor in enumerate(outputs) if tensor.shape in ((1,), ())]
    if len(boxes) != 1 or len(counts) != 1:
        return None
    for order in (SSD_ORDER, TENSORFLOW_2_ORDER):
        if order[boxes[0]] == "boxes" and order[counts[0]] == "count":
            return ModelKind(DETECTOR, SSD, order, 0, _order_findings(order))
    return None


def _two_heads(graph: Subgraph, outputs: Sequence[Tensor]) -> ModelKind | None:
    """Return the detector whose boxes and classes are two outputs of equally many rows."""
    heads = [tensor for tensor in outputs if len(tensor.shape) == _RANK]
    if len(outputs) not in (2, 3) or len(heads) != len(outputs) or len({tensor.shape[1] for tensor in heads}) != 1:
        return None
    rows, widths = heads[0].shape[1], [tensor.shape[2] for tensor in heads]
    if DFL_CHANNELS in widths and rows == _cells(graph):
        return _yolo_dfl(widths)
    if len(heads) == 2 and _BOX in widths:  # noqa: PLR2004 - boxes and classes
        return _efficientdet(graph, rows, widths)
    return None


def _yolo_dfl(widths: Sequence[int]) -> ModelKind:
    boxes = widths.index(DFL_CHANNELS)
    others = [index for index in range(len(widths)) if index != boxes]
    # A third output of one column is the best score of each row, which nobody needs.
    classes = max(others, key=lambda index: widths[index])
    names = ["best score"] * len(widths)
    names[boxes], names[classes] = "box distances", "class logits"
    count = widths[classes]
    finding = (
        f"with {counted(count, 'class')} Frigate's yolo-generic takes boxes and classes for each other: it tells them "
        "apart by 64 columns and by more than one. Train with one more class that no picture has"
    )
    findings = (finding,) if count in (1, DFL_CHANNELS) else ()
    return ModelKind(DETECTOR, YOLO_DFL, tuple(names), count, findings)


def _efficientdet(graph: Subgraph, rows: int, widths: Sequence[int]) -> ModelKind:
    boxes = widths.index(_BOX)
    names = ["scores", "scores"]
    names[boxes] = "box encodings"
    count = widths[1 - boxes]
    if anchors_place(graph, rows) is not None:
        return ModelKind(DETECTOR, EFFICIENTDET, tuple(names), count)
    finding = f"box encodings need anchors, and no constant of the file has the shape ({rows}, 4)"
    return ModelKind(DETECTOR, "", tuple(names), count, (finding,))


def anchors_place(graph: Subgraph, rows: int) -> int | None:
    """Return the place of the only float constant of shape (rows, 4), with or without a batch of 1."""
    places = [
        place
        for place, tensor in enumerate(graph.tensors)
        if tensor.is_constant and tensor.type == "FLOAT32" and tensor.shape in ((rows, _BOX), (1, rows, _BOX))
    ]
    return places[0] if len(places) == 1 else None


def _one_head(graph: Subgraph, outputs: Sequence[Tensor]) -> ModelKind | None:
    """Return the detector whose boxes and scores are one output."""
    if len(outputs) != 1 or len(outputs[0].shape) != _RANK:
        return None
    _, first, second = outputs[0].shape
    cells = _cells(graph)
    if not cells:
        return None
    for rows, columns in ((second, first), (first, second)):
        if rows == cells and columns > _BOX:
            return ModelKind(DETECTOR, YOLO, ("boxes and scores",), columns - _BOX)
        if rows == _ANCHORS_PER_CELL * cells and columns > _BOX + 1:
            finding = "the head is that of YOLO before version 8, with an objectness score: no decoder here reads it"
            return ModelKind(DETECTOR, "", ("boxes, objectness and scores",), columns - _BOX - 1, (finding,))
    return None


def _classifier(outputs: Sequence[Tensor]) -> ModelKind | None:
    if len(outputs) != 1:
        return None
    sizes = _squeezed(outputs[0].shape)
    is_one_row = len(sizes) == 1 and len(outputs[0].shape) > 1 and outputs[0].shape[-1] == sizes[0]
    return ModelKind(CLASSIFIER, "", ("scores",), sizes[0]) if is_one_row else None


def _cells(graph: Subgraph) -> int:
    """Return the cells of the input picture's grids; 0 if the model does not take one picture."""
    shape = graph.tensors[graph.inputs[0]].shape if len(graph.inputs) == 1 else ()
    return grid_cells(width=shape[2], height=shape[1]) if len(shape) == _PICTURE_RANK else 0


def _squeezed(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]
