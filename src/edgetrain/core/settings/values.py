"""Text, YAML values and flags parsed into the field types of a settings section."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import math
import os
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgetrain.core.errors import SettingsError
from edgetrain.core.wording import suggestion

T = TypeVar("T")
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0", "")

# Settings that had another name once, each with the one that took its place.
FORMER_NAMES = {"promote.min_class_ap": "promote.class_floors"}


@dataclass(frozen=True)
class Source:
    """Values by ``section.key`` from one place, and how that place is called in messages."""

    values: Mapping[str, object]
    base_dir: Path
    label: str
    is_environment: bool = False

    def place(self, name: str) -> str:
        """Return how a message calls ``section.key`` of this source."""
        shown = f"INVOKE_{name.upper().replace('.', '_')}" if self.is_environment else name
        return f"{self.label}: {shown}"

    @classmethod
    def of_file(cls, config: Mapping[str, object], base_dir: Path, label: str) -> Source:
        """Return the values of a configuration file's sections.

        Raises:
            SettingsError: a section is not a mapping.
        """
        values: dict[str, object] = {}
        for section, keys in config.items():
            if not isinstance(keys, Mapping):
                raise SettingsError(f"{label}: {section} is {keys!r}, but must be a section of keys and values.")
            values.update({f"{section}.{key}": value for key, value in keys.items()})
        return cls(values, base_dir, label)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str], base_dir: Path, sections: Mapping[str, type]) -> Source:
        """Return the values of ``INVOKE_SECTION_KEY`` variables; variables of other sections are not ours."""
        values: dict[str, object] = {}
        for variable, text in sorted(environment.items()):
            for section in sections:
                start = prefix(section)
                if variable.startswith(start):
                    values[f"{section}.{variable[len(start) :].lower()}"] = text
        return cls(values, base_dir, "environment", is_environment=True)

    @classmethod
    def of_flags(cls, flags: Mapping[str, object], base_dir: Path) -> Source:
        """Return the values of the flags that were given."""
        given = {name: value for name, value in flags.items() if value is not None}
        return cls(given, base_dir, "command line")

    def refuse_unknown(self, sections: Mapping[str, type]) -> None:
        """Raise for the first value that is no setting.

        Raises:
            SettingsError: names the value, its place and the nearest setting.
        """
        for name in self.values:
            section, _, key = name.partition(".")
            keys = _keys(sections[section]) if section in sections else ()
            if name in FORMER_NAMES:
                raise SettingsError(f"{self.place(name)} is not a setting any more. Give {FORMER_NAMES[name]} instead.")
            if key not in keys:
                near = suggestion(key, keys) if keys else suggestion(section, sections)
                raise SettingsError(f"{self.place(name)} is not a setting.{near}")


def prefix(section: str) -> str:
    """Return how the names of the variables of a section begin."""
    return f"INVOKE_{section.upper()}_"


def _keys(section: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(section))


def parse_section(name: str, section: type[T], sources: Sequence[Source]) -> T:
    """Return a settings section filled from the sources, later ones overriding earlier ones.

    Raises:
        SettingsError: a key is missing, of the wrong type or out of range.
    """
    hints = typing.get_type_hints(section)
    values = {}
    for field in dataclasses.fields(section):  # type: ignore[arg-type]
        full_name = f"{name}.{field.name}"
        source = next((source for source in reversed(sources) if full_name in source.values), None)
        if source is None:
            raise SettingsError(f"invoke.yaml: {full_name} is missing. Give it a value.")
        label = source.place(full_name)
        value = parse_value(source.values[full_name], hints[field.name], label=label, base_dir=source.base_dir)
        if field.metadata.get("is_url") and value and ":" not in str(value):
            value = str(_parse_path(value, label, source.base_dir))
        if isinstance(value, dict):
            _check_names(value, field.metadata, label)
        else:
            _check_range(value, field.metadata, label)
        values[field.name] = value
    return section(**values)


def parse_value(  # noqa: PLR0911 - one for each kind of value
    value: object, kind: object, *, label: str, base_dir: Path
) -> object:
    """Return ``value`` as the given type: bool, int, float, str, Path, Enum, tuple or dict of str, or one or None.

    Raises:
        SettingsError: the value is not of that type.
    """
    if typing.get_origin(kind) is typing.Union:
        if value is None or value == "":
            return None
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _parse_choice(value, kind, label)
    if kind is Path:
        return _parse_path(value, label, base_dir)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _parse_group(value, kind, label=label, base_dir=base_dir)
    if kind in (int, float):
        return _parse_number(value, kind, label)
    if kind == dict[str, float]:
        pairs = _parse_pairs(value, label)
        return {name: _parse_number(word, float, f"{label}: {name}") for name, word in pairs.items()}
    parsers = {bool: _parse_bool, str: _parse_text, tuple: _parse_names, dict: _parse_pairs}
    return parsers[typing.get_origin(kind) or kind](value, label)  # type: ignore[index]


def _parse_group(value: object, kind: type[T], *, label: str, base_dir: Path) -> T:
    """Return a mapping as a value with named fields; those that are not given have their defaults."""
    if value is None or value == "":
        return kind()
    hints = typing.get_type_hints(kind)
    if not isinstance(value, Mapping):
        raise SettingsError(f"{label} is {value!r}, but must be a mapping of {', '.join(hints)}, given in a file (-f).")
    for name in value:
        if name not in hints:
            raise SettingsError(f"{label}: {name} is not a setting.{suggestion(str(name), hints)}")
    parsed = {}
    for name, part in value.items():
        own = dict if typing.get_origin(hints[name]) is collections.abc.Mapping else hints[name]
        parsed[name] = parse_value(part, own, label=f"{label}: {name}", base_dir=base_dir)
    return kind(**parsed)


def _parse_path(value: object, label: str, base_dir: Path) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise SettingsError(f"{label} is {value!r}, but must be a path.")
    return Path(os.path.normpath(base_dir / Path(value).expanduser()))


def _parse_text(value: object, label: str) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    raise SettingsError(f"{label} is {value!r}, but must be text. Put it in quotes.")


def _parse_bool(value: object, label: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    raise SettingsError(f"{label} is {value!r}, but must be true or false.")


def _parse_number(value: object, kind: object, label: str) -> int | float:
    wanted = "a whole number" if kind is int else "a number"
    try:
        number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in str(value) or (kind is int and number != int(number)):
        raise SettingsError(f"{label} is {value!r}, but must be {wanted}.")
    return int(number) if kind is int else number


def _parse_choice(value: object, kind: type[enum.Enum], label: str) -> enum.Enum:
    choices = {str(member.value): member for member in kind}
    if str(value) not in choices:
        raise SettingsError(
            f"{label} is {str(value)!r}, but must be one of: {', '.join(choices)}.{suggestion(str(value), choices)}"
        )
    return choices[str(value)]


def _parse_names(value: object, label: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Iterable):
        return tuple(str(part) for part in value)
    raise SettingsError(f"{label} is {value!r}, but must be a list of names.")


def _parse_pairs(value: object, label: str) -> dict[str, str]:
    """Return names with their words: a mapping, or text such as ``a=off, b=error``."""
    if isinstance(value, str):
        pairs = (part.partition("=") for part in value.split(",") if part.strip())
        return {name.strip(): word.strip() for name, _, word in pairs}
    if isinstance(value, Mapping):
        # YAML reads a bare off as false.
        return {str(name): "off" if word is False else str(word) for name, word in value.items()}
    raise SettingsError(f"{label} is {value!r}, but must be names with a value each, such as {{name: value}}.")


def _check_names(value: Mapping[str, object], limits: Mapping[str, object], label: str) -> None:
    keys = limits.get("keys")
    for name, word in value.items():
        if isinstance(keys, tuple) and name not in keys:
            raise SettingsError(f"{label} names {name!r}, which is no rule.{suggestion(name, keys)}")
        _check_range(word, limits, f"{label}: {name}")


def _check_range(value: object, limits: Mapping[str, object], label: str) -> None:
    choices = limits.get("choices")
    if isinstance(choices, tuple) and value not in choices:
        raise SettingsError(
            f"{label} is {value!r}, but must be one of: {', '.join(choices)}.{suggestion(str(value), choices)}"
        )
    pattern = limits.get("pattern")
    if isinstance(pattern, str) and not re.fullmatch(pattern, str(value)):
        raise SettingsError(f"{label} is {value!r}, but must be {limits['shape']}.")
    if limits.get("is_group_pattern"):
        _check_group_pattern(str(value), label)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
    if not low <= value <= high and value != limits.get("or"):  # type: ignore[operator]
        bounds = f"at least {low}" if high == math.inf else f"between {low} and {high}"
        bounds = f"{limits['or']} or {bounds}" if "or" in limits else bounds
        raise SettingsError(f"{label} is {value}, but must be {bounds}.")


def _check_group_pattern(value: str, label: str) -> None:
    shape = 'a regular expression with one group in parentheses, such as "(clip[0-9]+)_", or empty'
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise SettingsError(f"{label} is {value!r} ({error}), but must be {shape}.") from error
    if value and groups != 1:
        raise SettingsError(f"{label} is {value!r}, but must be {shape}.")
