"""What single values of a pipeline file must fulfil: names, numbers, closed sets, secrets, times, paths."""

from __future__ import annotations

import posixpath
import re

from ci.gocd import cron
from ci.gocd.kinds import FINE, Check, Fault
from edgetrain.core.wording import suggestion

FORMAT_VERSION = "10"
TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_LOOK_UP = re.compile(r"\{\{SECRET:\[[^\]]+\]\[[^\]]+\]\}\}")
_CIPHER = re.compile(r"AES:[A-Za-z0-9+/]+={0,2}:[A-Za-z0-9+/]+={0,2}")
_LONGEST_NAME = 255
_LONGEST_TAB_NAME = 15


def format_version(text: str) -> Fault:
    """Accept the one version whose keys are checked here."""
    if text == FORMAT_VERSION:
        return FINE
    return "is not the version that these checks know.", f'Write "format_version: {FORMAT_VERSION}" in every file.'


def boolean(text: str) -> Fault:
    """Accept what GoCD's plugin takes for true or false."""
    return FINE if text in TRUE | FALSE else ("is neither true nor false.", "Write true or false.")


def whole_number(text: str) -> Fault:
    """Accept whole numbers."""
    return FINE if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else ("is no whole number.", "Write digits only.")


def minutes(text: str) -> Fault:
    """Accept a job's timeout."""
    if re.fullmatch(r"0+", text):
        return (
            "means the server's default, not never.",
            "Write the minutes of silence after which the job is cancelled.",
        )
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return FINE
    return "is no number of minutes.", "Write digits only."


def run_instances(text: str) -> Fault:
    """Accept how many agents run a job."""
    if text == "all" or re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        return FINE
    return "is neither a number nor all: GoCD would take its first digits.", "Write a number from 1 on, or all."


def one_of(*words: str) -> Check:
    """Return the check of a closed set."""

    def check(text: str) -> Fault:
        if text in words:
            return FINE
        return f"is not known to GoCD.{suggestion(text, words)}", f"Write one of: {', '.join(words)}."

    return check


def name(text: str) -> Fault:
    """Accept names of pipelines, stages, materials, groups and parameters."""
    if len(text) <= _LONGEST_NAME and re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", text):
        return FINE
    return (
        "is no name for GoCD.",
        f'Use letters, digits, "-", "_" and ".", the last not first, and at most {_LONGEST_NAME} of them.',
    )


def job_name(text: str) -> Fault:
    """Accept names of jobs."""
    if re.search(r"-(runOnAll|runInstance)-\d+$", text):
        return "ends as GoCD names the copies of a job.", "Choose another name."
    return name(text.lstrip("."))


def tab_name(text: str) -> Fault:
    """Accept names of tabs."""
    if len(text) <= _LONGEST_TAB_NAME and re.fullmatch(r"[A-Za-z0-9_.-]+", text):
        return FINE
    return "is no name for a tab.", f'Use at most {_LONGEST_TAB_NAME} letters, digits, "-", "_" and ".".'


def variable_name(text: str) -> Fault:
    """Accept names of environment variables."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        return FINE
    return "is no name that every shell knows.", 'Use letters, digits and "_".'


def resource(text: str) -> Fault:
    """Accept names of agents' resources."""
    if re.fullmatch(r"[-\w\s|.]+", text, re.ASCII) and text.strip():
        return FINE
    return "is no name of a resource.", 'Use letters, digits, "-", "_", ".", "|" and spaces.'


def look_up(text: str) -> Fault:
    """Accept only a look-up: everybody can read a plain value, and GoCD takes a cipher for one."""
    if _LOOK_UP.fullmatch(text):
        return FINE
    return "is no look-up: everybody can read it.", 'Write a look-up in quotes: "{{SECRET:[config_id][key]}}".'


def has_look_up(text: str) -> bool:
    """Return whether the server puts a secret into a text before a job sees it."""
    return bool(_LOOK_UP.search(text))


def cipher(text: str) -> Fault:
    """Accept what the server encrypted, or nothing: it decrypts these values and never looks them up."""
    if not text or _CIPHER.fullmatch(text):
        return FINE
    if _LOOK_UP.search(text):
        return (
            "is a look-up where GoCD takes ciphers only.",
            'Write it in "environment_variables:" or "password:".',
        )
    return (
        "is no cipher of a GoCD server.",
        'Write "AES:…" as the server encrypts it, or a look-up in "environment_variables:" or "password:".',
    )


def repository(text: str) -> Fault:
    """Accept addresses of repositories that hold no password."""
    if re.match(r"\w+://[^/@]*:[^/@]+@", text):
        return "holds a password that everybody can read.", 'Write "username:", and a look-up as "password:".'
    return FINE


def timer(text: str) -> Fault:
    """Accept Quartz's cron."""
    fault = cron.fault_of(text)
    return (fault, 'Write it as "0 30 2 ? * MON-FRI": seconds, minutes, hours, day, month, weekday.') if fault else FINE


def inner_path(text: str) -> Fault:
    """Accept relative paths that stay within their folder."""
    if not text.startswith("/") and not posixpath.normpath(text or ".").startswith(".."):
        return FINE
    return "leaves the job's folder.", "Write a path below it."


def store_path(text: str) -> Fault:
    """Accept paths in the artifact store."""
    if text.startswith("./") or text in {".", ""}:
        return 'is not found by GoCD (its issue 4810), which takes "./" for a name.', "Name the file or folder itself."
    return inner_path(text)


def tracker_link(text: str) -> Fault:
    """Accept links to an issue tracker."""
    if re.match(r"https?://", text) and "${ID}" in text:
        return FINE
    return "is no link to an issue.", "Write an http(s) address with ${ID}."


def label(text: str) -> Fault:
    """Accept templates of a pipeline's label, whatever materials they name."""
    letters = r"[a-zA-Z0-9_\-.!~*'()#:]"
    if len(text) > _LONGEST_NAME or not re.fullmatch(rf"({letters}*\$\{{{letters}+(\[:\d+\])?\}}{letters}*)+", text):
        return (
            "is no label for GoCD.",
            "Use ${COUNT}, ${MATERIAL} or ${MATERIAL[:8]} between letters, digits and -_.!~*'():, without spaces.",
        )
    if re.search(r"\[:0+\]", text):
        return "cuts a revision to no letter.", "Write the number of letters to keep, such as [:8]."
    return FINE
