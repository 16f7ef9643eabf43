"""Say what this machine can do for a profile, what it cannot, and what helps. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Sequence

from edgetrain.core.errors import SettingsError
from edgetrain.core.settings import Settings
from edgetrain.core.wording import suggestion
from edgetrain.doctor.host import Host
from edgetrain.doctor.host_checks import PROFILES, HostCheck, State, check_host

_FORMATS = ("text", "json")


def this_host(settings: Settings) -> Host:
    """Return this machine, with the names under which the settings have its programs."""
    return Host(compiler=settings.compile.program, library=settings.hardware.delegate_library)


def examine(profile: str, output_format: str, host: Host) -> tuple[str, bool]:
    """Return what was found, as text or JSON, and whether the profile can work here.

    Args:
        profile: name of a profile.
        output_format: ``text`` or ``json``.
        host: the machine.

    Raises:
        SettingsError: there is no such profile or format.
    """
    for flag, value, known in (("profile", profile, PROFILES), ("format", output_format, _FORMATS)):
        if value not in known:
            raise SettingsError(
                f"--{flag} {value}: there is none. It is one of: {', '.join(known)}.{suggestion(value, known)}"
            )
    checks = check_host(host, profile)
    is_good = all(check.state is not State.FAIL for check in checks)
    return (_json(checks, profile) if output_format == "json" else _text(checks, profile)), is_good


def _text(checks: Sequence[HostCheck], profile: str) -> str:
    width = max(len(check.subject) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.state.value:<5} {check.subject:<{width}}  {check.found}")
        lines += [f"{'':<{width + 8}}{line}" for line in check.fix.splitlines()]
    failed = sum(check.state is State.FAIL for check in checks)
    closing = f"{failed} of {len(checks)} things are missing" if failed else "ready"
    return "\n".join([*lines, f"profile {profile}: {closing}"])


def _json(checks: Sequence[HostCheck], profile: str) -> str:
    listed = [{"state": c.state.value, "subject": c.subject, "found": c.found, "fix": c.fix} for c in checks]
    return json.dumps({"profile": profile, "checks": listed}, indent=2, ensure_ascii=False)
