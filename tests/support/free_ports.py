"""Free ports of this host, where processes that are started by a test can meet."""

from __future__ import annotations

import random
import socket

# Below those that the system gives to outgoing connections: one of these, retried, would reach itself.
_PORTS = range(20_000, 32_000)


def free_addresses(count: int) -> tuple[str, ...]:
    """Return different addresses (``host:port``) at which nobody listens now."""
    found: list[str] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)):
                found.append(f"127.0.0.1:{port}")
        if len(found) == count:
            break
    return tuple(found)
