"""What pip has been told of indexes, certificates and proxies, as uv is told the same.

pip's settings are read by pip itself (``pip config list``: files and ``PIP_*`` variables, merged by the caller's rank).
A ``.netrc`` and the variables ``HTTPS_PROXY``, ``SSL_CERT_FILE``, … need no translation: both programs read them.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# pip's later sections win over its earlier ones.
_SECTIONS = ("global.", "install.", ":env:.")
# They change nothing in what is installed from exact pins with hashes, or where.
_OF_NO_EFFECT = frozenset(
    (
        *(
            "default-timeout",
            "disable-pip-version-check",
            "no-input",
            "progress-bar",
            "quiet",
            "verbose",
            "no-color",
            "log",
        ),
        *("log", "require-virtualenv", "root-user-action", "break-system-packages", "cache-dir"),
        *("user", "target", "prefix", "root", "requirement", "constraint", "dry-run", "upgrade", "upgrade-strategy"),
        *(
            "no-warn-script-location",
            "no-warn-conflicts",
            "no-python-version-warning",
            "exists-action",
            "prefer-binary",
        ),
        *("compile", "config-file"),
    )
)
_FALSE = ("", "0", "false", "no", "off", "n", "f")


def _words(value: str) -> str:
    return " ".join(value.split())


def _reachable(places: str) -> str:
    """Leave out folders that are not there: pip warns of them and goes on, uv ends."""
    return ",".join(place for place in places.split() if not _is_absent_folder(place))


def _indexes(places: str) -> str:
    return " ".join(place for place in places.split() if not _is_absent_folder(place))


def _is_absent_folder(place: str) -> bool:
    parts = urlsplit(place)
    return parts.scheme in ("", "file") and not Path(unquote(parts.path)).exists()


def _switch(value: str) -> str:
    return "" if value.lower() in _FALSE else "1"


# pip's name, uv's variables, how the value changes; an empty result is not handed on.
_TRANSLATIONS: dict[str, tuple[tuple[str, ...], Callable[[str], str]]] = {
    "index-url": (("UV_DEFAULT_INDEX",), str.strip),
    "extra-index-url": (("UV_INDEX",), _indexes),
    "find-links": (("UV_FIND_LINKS",), _reachable),
    "no-index": (("UV_NO_INDEX",), _switch),
    "cert": (("SSL_CERT_FILE",), str.strip),
    "client-cert": (("SSL_CLIENT_CERT",), str.strip),
    "proxy": (("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), str.strip),
    "trusted-host": (("UV_INSECURE_HOST",), _words),
    "timeout": (("UV_HTTP_TIMEOUT",), str.strip),
    "retries": (("UV_HTTP_RETRIES",), str.strip),
    "no-cache-dir": (("UV_NO_CACHE",), _switch),
}


def translate(listing: str) -> tuple[dict[str, str], list[str]]:
    """Give uv's variables, and the names of settings that uv has no word for.

    Args:
        listing: output of ``pip config list``, one ``section.name='value'`` a line.
    """
    variables: dict[str, str] = {}
    unknown = []
    for name, value in _settings(listing).items():
        if name in _TRANSLATIONS:
            targets, convert = _TRANSLATIONS[name]
            variables |= {target: convert(value) for target in targets if convert(value)}
        elif name not in _OF_NO_EFFECT:
            unknown.append(name)
    return variables, sorted(unknown)


def _settings(listing: str) -> Mapping[str, str]:
    chosen: dict[str, str] = {}
    for section in _SECTIONS:
        for line in listing.splitlines():
            if line.startswith(section):
                name, _, value = line.removeprefix(section).partition("=")
                chosen[name.replace("_", "-")] = str(ast.literal_eval(value))
    return chosen
