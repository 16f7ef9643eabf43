"""What is wrong with the names in an annotation and of it: values in, findings out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgetrain.annotations.folder_names import same_form
from edgetrain.core.annotation import Annotation
from edgetrain.core.findings import Finding
from edgetrain.dataset.layout import base_name, stem_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ABSOLUTE = re.compile(r"(?:[A-Za-z]:)?[\\/]|[A-Za-z]:")
_SEPARATOR = re.compile(r"[\\/]")
_FIX = "Make the names agree, and check that the boxes belong to the picture."


def path_findings(name: str, annotation: Annotation) -> Iterator[Finding]:
    """Yield a finding where ``<filename>`` is more than a name."""
    stated, place = annotation.filename or "", (name, annotation.filename_line)
    control = _CONTROL.search(stated)
    is_upward = ".." in _SEPARATOR.split(stated)
    if control or is_upward or _ABSOLUTE.match(stated):
        kind = "has a control character" if control else "leads upwards" if is_upward else "is an absolute path"
        message = f"<filename> {stated!r} {kind}; only {base_name(stated)!r} was used."
        yield Finding.of(place, "filename-unsafe", message, "Write the picture's name without folders.")
    elif _SEPARATOR.search(stated):
        message = f"<filename> {stated!r} contains folders; only {base_name(stated)!r} counts."
        yield Finding.of(place, "filename-path", message, "Write the picture's name without folders.")


def name_findings(name: str, annotation: Annotation, image_name: str) -> Iterator[Finding]:
    """Yield a finding where ``<filename>``, the picture and the annotation's own name disagree."""
    stated, found, own = annotation.filename, base_name(image_name), stem_of(name)
    place = (name, annotation.filename_line)
    if stated is None:
        message = f"<filename> is missing; {image_name} was found by the annotation's own name."
    elif stated != found and base_name(stated) != found:
        if _folded(base_name(stated)) == _folded(found):
            is_case = same_form(base_name(stated)) != same_form(found)
            yield _case_finding(place, stated, image_name) if is_case else _form_finding(place, stated, image_name)
            return
        message = f"<filename> is {stated!r}, but the picture found is {image_name}."
    elif own not in {stem_of(found), found}:
        if same_form(own) in {same_form(stem_of(found)), same_form(found)}:
            yield _form_finding(place, own, image_name)
            return
        message = f"the picture {image_name} and the annotation have different names."
    else:
        return
    yield Finding.of(place, "filename-mismatch", message, _FIX)


def _folded(name: str) -> str:
    return same_form(name).casefold()


def _case_finding(place: tuple[str, int], stated: str, image_name: str) -> Finding:
    message = f"<filename> is {stated!r}, but the picture found is {image_name}."
    return Finding.of(
        place, "filename-case", message, "Write both the same way: other systems distinguish upper and lower case."
    )


def _form_finding(place: tuple[str, int], stated: str, image_name: str) -> Finding:
    """Return the finding of two names that look alike: both are shown in ASCII, where their bytes differ."""
    found = base_name(image_name)
    kinds = "percent codes" if "%" in stated or "%" in found else "Unicode forms (composed and decomposed)"
    message = f"the annotation says {base_name(stated)!a} and the picture is {found!a}: other {kinds}."
    return Finding.of(
        place, "filename-form", message, "Give both the same name: other systems treat them as different."
    )
