"""What is wrong with the names in an annotation and of it: values in, findings out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgetrain.core.annotation import Annotation
from edgetrain.core.findings import Finding
from edgetrain.dataset.layout import base_name, stem_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ABSOLUTE = re.compile(r"(?:[A-Za-z]:)?[\\/]|[A-Za-z]:")
_SEPARATOR = re.compile(r"[\\/]")
_FIX = "Make the names agree, and see that the boxes are those of the picture."


def path_findings(name: str, annotation: Annotation) -> Iterator[Finding]:
    """Yield a finding where ``<filename>`` is more than a name."""
    stated, place = annotation.filename or "", (name, annotation.filename_line)
    control = _CONTROL.search(stated)
    is_upward = ".." in _SEPARATOR.split(stated)
    if control or is_upward or _ABSOLUTE.match(stated):
        kind = "has a control character" if control else "leads upwards" if is_upward else "is an absolute path"
        message = f"<filename> {stated!r} {kind}; only {base_name(stated)!r} was looked for."
        yield Finding.of(place, "filename-unsafe", message, "State the picture's name alone.")
    elif _SEPARATOR.search(stated):
        message = f"<filename> {stated!r} names folders; only {base_name(stated)!r} counts."
        yield Finding.of(place, "filename-path", message, "State the picture's name alone.")


def name_findings(name: str, annotation: Annotation, image_name: str) -> Iterator[Finding]:
    """Yield a finding where ``<filename>``, the picture and the annotation's own name disagree."""
    stated, found, own = annotation.filename, base_name(image_name), stem_of(name)
    place = (name, annotation.filename_line)
    if stated is None:
        message = f"<filename> is missing; {image_name} was found by the annotation's own name."
    elif stated != found and base_name(stated) != found:
        message = f"<filename> is {stated!r}, but the picture found is {image_name}."
        if base_name(stated).casefold() == found.casefold():
            fix = "Write both alike: other systems tell upper from lower case."
            yield Finding.of(place, "filename-case", message, fix)
            return
    elif own not in {stem_of(found), found}:
        message = f"the picture {image_name} and the annotation have different names."
    else:
        return
    yield Finding.of(place, "filename-mismatch", message, _FIX)
