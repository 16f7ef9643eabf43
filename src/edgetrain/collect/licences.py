"""Licences of pictures: one code for each, told from what services write."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgetrain.core.errors import SettingsError
from edgetrain.core.wording import suggestion

CC0 = "cc0"
PUBLIC_DOMAIN = "public-domain"
LICENCES = (CC0, PUBLIC_DOMAIN, "by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")

_ATTRIBUTION = re.compile(r"(?:cc[ -])?(by(?:-nc)?(?:-sa|-nd)?)(?:[ -](\d.*))?")
_CC0 = re.compile(r"cc[ -]?(?:0|zero)\b.*")
_PUBLIC_DOMAIN = re.compile(r"pdm?(?:[ -].*)?|public[ -]domain.*")


def licence_code(text: str) -> str:
    """Return the code of what a service calls a licence (``CC BY-SA 4.0``, ``pdm``); empty if it is unknown."""
    plain = text.strip().lower()
    found = _ATTRIBUTION.fullmatch(plain)
    if found:
        return found[1]
    if _CC0.fullmatch(plain):
        return CC0
    return PUBLIC_DOMAIN if _PUBLIC_DOMAIN.fullmatch(plain) else ""


def check_licences(codes: Sequence[str], label: str) -> None:
    """Refuse codes that are none of :data:`LICENCES`, and an empty list.

    Raises:
        SettingsError: names the code and the nearest that there is.
    """
    if not codes:
        raise SettingsError(f"{label} is empty, so no picture would do. Name some of: {', '.join(LICENCES)}.")
    for code in codes:
        if code not in LICENCES:
            raise SettingsError(
                f"{label} names {code!r}, but must hold some of: {', '.join(LICENCES)}.{suggestion(code, LICENCES)}"
            )
