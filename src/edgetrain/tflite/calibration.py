"""What is known of a quantized model: which pictures measured its ranges, how far each layer is from float32.

``quantize`` writes it into its report; ``evaluate`` tells from it what may help where quantization costs too much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgetrain.core.wording import counted

_NARROW_SHARE = 0.01
_WORST = 3
_NAME_PARTS = 3


@dataclass(frozen=True)
class LayerError:
    """How far the int8 output of one operator is from that of float32.

    ``relative_error`` is the root mean square of the difference over that of the float32 values; it includes what
    earlier layers brought along. ``outside`` is the share (0 to 1) of the float32 values that the measured range cannot
    hold.
    """

    name: str
    operator: str
    relative_error: float
    outside: float

    @property
    def short_name(self) -> str:
        """The end of the name, which tells the layer."""
        return "/".join(self.name.split("/")[-_NAME_PARTS:])


@dataclass(frozen=True)
class Calibration:
    """Which pictures measured the ranges, and the layers compared on other pictures, in the model's order.

    ``available`` is the number of training pictures; ``checked`` pictures of ``checked_split`` compared the layers.
    """

    pictures: int
    available: int
    checked: int
    checked_split: str
    layers: tuple[LayerError, ...]

    @classmethod
    def from_report(cls, report: Mapping[str, Any] | None) -> Calibration | None:
        """Return what the JSON of ``quantize`` says, or ``None`` if it does not say it."""
        try:
            values = dict((report or {})["calibration"])
            layers = tuple(LayerError(**layer) for layer in values.pop("layers"))
            return cls(**values, layers=layers)
        except (KeyError, TypeError, ValueError):
            return None

    def to_results(self) -> dict[str, object]:
        """Return everything as JSON values."""
        return asdict(self)

    def worst(self) -> list[LayerError]:
        """Return the layers that differ most, the worst first."""
        return sorted(self.layers, key=lambda layer: -layer.relative_error)[:_WORST]

    def narrow(self) -> list[LayerError]:
        """Return the layers whose range cannot hold a good part of the values, the worst first."""
        found = [layer for layer in self.layers if layer.outside >= _NARROW_SHARE]
        return sorted(found, key=lambda layer: -layer.outside)

    def notes(self) -> tuple[str, ...]:
        """Return one sentence about the worst layers, and one about ranges that are too narrow, if any is."""
        return (*self._worst_layers(), *([self._narrow_text()] if self.narrow() else []))

    def remedies(self) -> list[str]:
        """Return what may be done about a loss of accuracy, each with the figures that speak for or against it."""
        return [self._more_pictures(), *self._other_pictures(), *self._worst_layers()]

    @property
    def _where(self) -> str:
        return f"on {counted(self.checked, f'{self.checked_split} picture')}"

    def _more_pictures(self) -> str:
        if self.pictures == self.available:
            return f"all {self.available} training pictures measured the ranges: only more training pictures give more"
        used = f"{self.pictures} of {self.available} training pictures measured the ranges"
        if self.layers and not self.narrow():
            return f"{used}; more of them can only widen ranges, and none is too narrow"
        return f"{used}: raise quantize.representative_images"

    def _other_pictures(self) -> list[str]:
        if not self.layers:
            return []
        if not self.narrow():
            return [f"{self._where} no layer has {_NARROW_SHARE:.0%} of its values outside the measured range"]
        advice = (
            'look at the training pictures that measured it ("representative_pictures" of reports/quantize.json), or '
            "try another quantize.seed"
        )
        return [f"{self._narrow_text()}: {advice}"]

    def _narrow_text(self) -> str:
        narrow = self.narrow()
        return (
            f"{self._where} {len(narrow)} of {len(self.layers)} layers have {_NARROW_SHARE:.0%} or more of their "
            f"values outside the measured range, most of all {narrow[0].short_name} ({narrow[0].outside:.0%})"
        )

    def _worst_layers(self) -> list[str]:
        worst = ", ".join(f"{layer.short_name} ({layer.relative_error:.0%})" for layer in self.worst())
        text = f"{self._where} int8 differs most from float32 in {worst}; all layers are in reports/quantize.json"
        return [text] if worst else []
