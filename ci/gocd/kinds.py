"""What may stand at a place of a pipeline file, as values that can be compared with what does stand there.

GoCD's plugin drops keys that it does not know without a word. Here every key is known or a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from ci.gocd.document import Fields, Items, Node, Text
from ci.gocd.findings import Finding
from ci.gocd.pipelines import Place
from edgetrain.core.wording import suggestion

# A check of text gives what is wrong and what to do, or two empty strings.
Fault = tuple[str, str]
Check = Callable[[str], Fault]
FINE: Fault = ("", "")


def any_text(_text: str) -> Fault:
    """Accept every text."""
    return FINE


@dataclass(frozen=True)
class Scalar:
    """Text.

    Attributes:
        check: what it must fulfil.
        is_early: read before the server puts parameters in, so that none may stand there.
        may_be_empty: whether quotes with nothing between them are a value.
        is_secret: not to be shown in messages.
    """

    check: Check = any_text
    is_early: bool = False
    may_be_empty: bool = True
    is_secret: bool = False


@dataclass(frozen=True)
class ListOf:
    """A list; ``is_nested``: lists in it count as if their items stood there."""

    item: Kind
    is_nested: bool = False


@dataclass(frozen=True)
class MapOf:
    """A map with names of the author's own as keys; ``is_single``: exactly one of them."""

    noun: str
    value: Kind
    name: Check = any_text
    is_single: bool = False


@dataclass(frozen=True)
class Record:
    """A map with known keys.

    Attributes:
        noun: what it describes, for messages, with its article.
        keys: what is allowed, by key.
        required: keys that must be there, each with the reason.
        refused: keys that GoCD knows and that are no good here, each with what to do.
        elsewhere: keys that belong to another record, each with where.
        rivals: groups of keys of which at most one may be there.
        is_single: exactly one of the keys.
    """

    noun: str
    keys: Mapping[str, Kind]
    required: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    rivals: tuple[tuple[str, ...], ...] = ()
    is_single: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several kinds, chosen by what stands there."""

    choose: Callable[[Node], Kind]


@dataclass(frozen=True)
class Anything:
    """Whatever: it is looked at where an alias brings it in."""


Kind = Union[Scalar, ListOf, MapOf, Record, Choice, Anything]


def compare(node: Node, kind: Kind, name: str) -> Iterator[Finding]:
    """Yield what is wrong with a node; ``name`` is its key, for messages."""
    if isinstance(kind, Choice):
        yield from compare(node, kind.choose(node), name)
    elif isinstance(kind, Anything):
        return
    elif isinstance(node, Text) and node.is_absent:
        yield Finding(node.place, f'"{name}" has no value.', "Write one, or remove the key.")
    elif isinstance(kind, Scalar):
        yield from _compare_text(node, kind, name)
    elif isinstance(kind, ListOf):
        yield from _compare_list(node, kind, name)
    elif not isinstance(node, Fields):
        yield Finding(node.place, f'"{name}" is {_described(node)} where a map belongs.', 'Write "key: value" lines.')
    elif kind.is_single and len(node.entries) != 1:
        keys = " and ".join(f'"{key}"' for key in node.entries) or "none"
        what = f'an item of "{name}" has {len(node.entries)} keys ({keys}) where one belongs: GoCD drops the others.'
        yield Finding(node.place, what, "Make an item of each, or indent what belongs to the first.")
    elif isinstance(kind, MapOf):
        yield from _compare_map(node, kind)
    else:
        yield from _compare_record(node, kind, name.place if isinstance(name, Text) else node.place)


def _described(node: Node) -> str:
    if isinstance(node, Items):
        return "a list"
    return "a map" if isinstance(node, Fields) else f'the text "{node}"'


def _compare_text(node: Node, kind: Scalar, name: str) -> Iterator[Finding]:
    if not isinstance(node, Text):
        yield Finding(node.place, f'"{name}" is {_described(node)} where text belongs.', "Write one value.")
        return
    if kind.is_early and "#" in node.written:
        what = f'"{name}: {node.written}" cannot be a parameter: it is read before parameters are put in.'
        yield Finding(node.place, what, "Write the value itself.")
        return
    if not node and not kind.may_be_empty:
        yield Finding(node.place, f'"{name}" is empty.', "Write a value, or remove the key.")
        return
    what, remedy = kind.check(node)
    if what:
        yield Finding(node.place, f'"{name}: {"..." if kind.is_secret else node}" {what}', remedy)


def _compare_list(node: Node, kind: ListOf, name: str) -> Iterator[Finding]:
    if not isinstance(node, Items):
        yield Finding(
            node.place, f'"{name}" is {_described(node)} where a list belongs.', 'Write "- " before each item.'
        )
        return
    if not node.values:
        yield Finding(node.place, f'"{name}" is an empty list.', "Add an item, or remove the key.")
    for item in node.values:
        yield from compare(item, kind if kind.is_nested and isinstance(item, Items) else kind.item, name)


def _compare_map(node: Fields, kind: MapOf) -> Iterator[Finding]:
    for key, value in node.entries.items():
        what, remedy = kind.name(key)
        if what:
            yield Finding(key.place, f'{kind.noun} "{key}" {what}', remedy)
        yield from compare(value, kind.value, key)


def _compare_record(node: Fields, kind: Record, place: Place) -> Iterator[Finding]:
    for key, reason in kind.required.items():
        if node.get(key) is None:
            yield Finding(place, f'{kind.noun} has no "{key}": {reason}', f'Add "{key}:".')
    for group in kind.rivals:
        rivals = [key for key in node.entries if key in group]
        for key in rivals[1:]:
            yield Finding(key.place, f'"{key}" stands beside "{rivals[0]}": GoCD takes one.', "Remove one of them.")
    known: Mapping[str, Kind] = kind.keys
    for key, value in node.entries.items():
        if key in known:
            yield from compare(value, known[key], key)
        elif key in kind.refused:
            yield Finding(key.place, f'"{key}" {kind.refused[key]}', f'Remove "{key}".')
        else:
            hint = f" It belongs to {kind.elsewhere[key]}." if key in kind.elsewhere else suggestion(key, known)
            remedy = "Correct or remove it: GoCD would drop it without a word."
            yield Finding(key.place, f'"{key}" is no key of {kind.noun}.{hint}', remedy)
