"""What must be true before TensorFlow and the Object Detection API are imported; ``edgetrain`` itself sees to it.

The API was written for TensorFlow 2.8 and imports packages for models and metrics that this project does not have:
some are gone from newer TensorFlow, others have no wheel for newer Pythons or are large. In their place the API, and
nothing else, is given modules whose names can be imported, derived from and never called.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

# What the API imports and nobody here needs, each with its importer in the API.
STAND_INS = (
    "tensorflow_io",  # meta_architectures/deepmac_meta_arch.py: colour spaces
    "tensorflow.compat.v1.estimator",  # inputs.py: gone from TensorFlow since 2.16
    "official",  # builders/optimizer_builder.py: moving averages; models/ssd_efficientnet_bifpn_…: EfficientNet
    "lvis",  # metrics/lvis_evaluation.py
    "scipy",  # matchers/hungarian_matcher.py; utils/target_assigner_utils.py
)
_API = "object_detection"


def prepare() -> None:
    """Make TensorFlow use Keras 2 where that is a package of its own, and let the API do without ``STAND_INS``.

    It has to run before TensorFlow is imported. To run it again changes nothing.
    """
    # TensorFlow 2.16 and later come with Keras 3, which the API's layers do not fit; 2.15 has Keras 2 and no tf_keras.
    if importlib.util.find_spec("tf_keras"):
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    if not any(isinstance(finder, _StandInFinder) for finder in sys.meta_path):
        # The last: a package that is installed is found before.
        sys.meta_path.append(_StandInFinder())


class _Absent(type):
    """The class of what a stand-in holds: a class to derive from, which holds more of them and cannot be called."""

    def __getattr__(cls, name: str) -> _Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{cls.__qualname__}.{name}")

    def __call__(cls, *_args: Any, **_kwargs: Any) -> NoReturn:
        lines = [base.__qualname__ for base in cls.__mro__ if "." in base.__qualname__]
        raise ModuleNotFoundError(
            f"{lines[0]} is called, but its package is not installed: edgetrain's networks and metrics do without it. "
            f'Install "{lines[0].partition(".")[0]}" to use this part of the Object Detection API.'
        )


def _absent(name: str) -> _Absent:
    return _Absent(name, (), {})


class _StandIn(ModuleType):
    """A module of which everything can be imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{self.__name__}.{name}")


class _StandInFinder(MetaPathFinder, Loader):
    """Finds a stand-in where the API asks for one of ``STAND_INS`` and it is not installed."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to make a stand-in, or None for what is none or is not asked for by the API."""
        is_known = any(f"{fullname}.".startswith(f"{name}.") for name in STAND_INS)
        return ModuleSpec(fullname, self, is_package=True) if is_known and _importer().startswith(_API) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty stand-in."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""


def _importer() -> str:
    """Return the name of the module whose import statement is running."""
    frame = sys._getframe(2)  # noqa: SLF001 - the import system does not tell who asks
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("importlib"):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))
