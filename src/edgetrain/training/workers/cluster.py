"""The processes that train one model together: who they are, and their meeting before the first step.

``TF_CONFIG`` says who they are, as for any TensorFlow program. They meet at the address of worker 0, which compares
what they train on and lets all begin at once: TensorFlow itself would wait for an hour without a word.
"""

from __future__ import annotations

import json
import re
import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted

VARIABLE = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):\d{1,5}")
_PORTS = range(1, 65_536)
_LONGEST_WORD = 65_536
_ANSWER_SECONDS = 10.0
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Cluster:
    """The addresses (``host:port``) of all workers, and the number of this one."""

    addresses: tuple[str, ...]
    index: int

    def __len__(self) -> int:
        """Return the number of workers."""
        return len(self.addresses)


def read_cluster(text: str) -> Cluster:
    """Return the cluster that the text of ``TF_CONFIG`` describes; a job ``chief`` counts as worker 0.

    Raises:
        SettingsError: the variable is missing, or is none that names two workers and this one.
    """
    if not text:
        raise SettingsError(
            f"training.distribution is workers, but {VARIABLE} is not set. Set it for each worker, with its own index: "
            f"{VARIABLE}='{_EXAMPLE}'."
        )
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        chiefs, workers = list(jobs.get("chief", [])), list(jobs.get("worker", []))
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{VARIABLE}: {text!r} is not as it must be ({error!r}). Write it as {_EXAMPLE}."
        ) from error
    addresses = (*chiefs, *workers)
    for address in addresses:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address) or _place(address)[1] not in _PORTS:
            raise SettingsError(f"{VARIABLE}: {address!r} is no address. Write it as host:port.")
    number = index + len(chiefs) if kind == "worker" else index
    job = {"chief": chiefs, "worker": workers}.get(kind, [])
    if not 0 <= index < len(job):
        raise SettingsError(f"{VARIABLE}: there is no {kind} {index} in its cluster. Write it as {_EXAMPLE}.")
    if len(addresses) < 2 or len({*addresses}) < len(addresses):  # noqa: PLR2004
        raise SettingsError(
            f"{VARIABLE}: {', '.join(addresses)} are not two or more different addresses. Name each worker once, or "
            "train with training.distribution none."
        )
    return Cluster(addresses, number)


def meet(cluster: Cluster, inputs: Mapping[str, object], *, timeout_seconds: float) -> None:
    """Wait until all workers are there and have found that they train on the same inputs.

    Args:
        cluster: of this worker.
        inputs: JSON values by name, which must be those of worker 0.
        timeout_seconds: after which a worker that waits gives up.

    Raises:
        TrainingError: some worker did not come, has other inputs, or there are two of one number.
    """
    deadline = time.monotonic() + timeout_seconds
    if cluster.index:
        _report_to_first(cluster, inputs, deadline)
    else:
        _gather(cluster, inputs, deadline)
    listener().noted(f"worker {cluster.index} of {len(cluster)} trains with all others")


def _gather(cluster: Cluster, inputs: Mapping[str, object], deadline: float) -> None:
    """As worker 0: take in all others, then tell each that all are there, or what is wrong."""
    others = {*range(1, len(cluster))}
    listener().noted(f"waiting for {_named(cluster, others)}")
    with ExitStack() as opened:
        door = opened.enter_context(_listening(cluster))
        guests: dict[int, socket.socket] = {}
        refused: list[socket.socket] = []
        wrong = ""
        while not wrong and guests.keys() != others:
            guest = _next_guest(door, deadline)
            if guest is None:
                wrong = f"{_named(cluster, others - guests.keys())} did not come in time"
                break
            word = _heard(opened.enter_context(guest))
            index = word.get("index") if word else None
            if not word or not isinstance(index, int):
                continue  # not one of us
            wrong = _objection(cluster, inputs, word)
            guests = {number: former for number, former in guests.items() if not _has_gone(former)}
            if index in guests:
                wrong = f"two processes are worker {index}"
            if wrong:
                refused.append(guest)
            else:
                guests[index] = guest
        for guest in (*guests.values(), *refused):
            _say(guest, {"wrong": wrong})
    if wrong:
        raise TrainingError(_explained(wrong))


def _objection(cluster: Cluster, inputs: Mapping[str, object], word: Mapping[str, object]) -> str:
    """Return what is wrong with what another worker says of itself; empty: nothing."""
    index, theirs = word.get("index"), word.get("inputs")
    if word.get("addresses") != [*cluster.addresses] or not isinstance(theirs, dict):
        return f"worker {index} has another cluster in {VARIABLE} than worker 0"
    if index not in range(1, len(cluster)):
        return f"two processes are worker {index}"
    changed = sorted(name for name in {*inputs, *theirs} if theirs.get(name) != inputs.get(name))
    return f"worker {index} trains on other inputs than worker 0: {', '.join(changed)}" if changed else ""


def _explained(wrong: str) -> str:
    return (
        f"train: {wrong}. Start all workers on the same commit of the dataset, with the same settings and the same "
        f"cluster in {VARIABLE}, each with its own index."
    )


def _report_to_first(cluster: Cluster, inputs: Mapping[str, object], deadline: float) -> None:
    """As another worker: tell worker 0 who this is, and wait for its answer."""
    with _listening(cluster):
        pass  # whether this worker's own port is free shows now, or when the others wait for it
    listener().noted(f"waiting for worker 0 at {cluster.addresses[0]}")
    word = {"index": cluster.index, "addresses": [*cluster.addresses], "inputs": dict(inputs)}
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(_place(cluster.addresses[0]), timeout=_ANSWER_SECONDS) as first:
                _say(first, word)
                first.settimeout(max(_PAUSE_SECONDS, deadline - time.monotonic()))
                answer = _heard(first)
        except OSError:
            answer = None
        # Where nobody listens a connection within one host can reach itself: that hears its own word.
        wrong = answer.get("wrong") if answer else None
        if wrong:
            raise TrainingError(_explained(str(wrong)))
        if wrong is not None:
            return
        time.sleep(_PAUSE_SECONDS)
    raise TrainingError(_explained(f"worker 0 at {cluster.addresses[0]} did not answer in time"))


@contextmanager
def _listening(cluster: Cluster) -> Iterator[socket.socket]:
    """Listen at the own port for a while."""
    host, port = _place(cluster.addresses[cluster.index])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server(("", port), family=family, backlog=len(cluster))
    except OSError as error:
        raise TrainingError(
            f"train: worker {cluster.index} cannot listen at port {port} ({error.strerror}). End what uses it, or name "
            f"another port in {VARIABLE}."
        ) from error
    with door:
        yield door


def _next_guest(door: socket.socket, deadline: float) -> socket.socket | None:
    left = deadline - time.monotonic()
    if left <= 0:
        return None
    door.settimeout(left)
    try:
        guest, _ = door.accept()
    except OSError:
        return None
    guest.settimeout(_ANSWER_SECONDS)
    return guest


def _has_gone(other: socket.socket) -> bool:
    """Return whether one who waits for an answer has closed the connection."""
    can_be_read, _, _ = select.select([other], [], [], 0)
    return bool(can_be_read)  # nobody who waits says more


def _say(other: socket.socket, word: Mapping[str, object]) -> None:
    """Send a line; one who has gone meanwhile is not told."""
    with suppress(OSError):
        other.sendall(json.dumps(word).encode() + b"\n")


def _heard(other: socket.socket) -> dict[str, object] | None:
    """Return the next line; ``None`` if none came, or something that is no word of a worker."""
    heard = b""
    try:
        while not heard.endswith(b"\n") and len(heard) < _LONGEST_WORD:
            part = other.recv(4096)
            if not part:
                return None
            heard += part
        word = json.loads(heard)
    except (OSError, ValueError):
        return None
    return word if isinstance(word, dict) else None


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _named(cluster: Cluster, indices: set[int]) -> str:
    each = ", ".join(f"{index} ({cluster.addresses[index]})" for index in sorted(indices))
    return f"{counted(len(indices), 'worker')}: {each}"
