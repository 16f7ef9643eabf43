"""Who trains together, and how the processes meet: threads stand for them here."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.training.workers.cluster import Cluster, meet, read_cluster
from tests.support.free_ports import free_addresses

INPUTS = {"records": "abc", "seed": 0}


def _config(kind="worker", index=0, **jobs):
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_config(worker=["a:1", "b:2"], index=1), Cluster(("a:1", "b:2"), 1)),
        (_config(chief=["c:3"], worker=["a:1", "b:2"], index=1), Cluster(("c:3", "a:1", "b:2"), 2)),
        (_config(kind="chief", chief=["c:3"], worker=["a:1"]), Cluster(("c:3", "a:1"), 0)),
        (_config(worker=["[::1]:1", "[::1]:2"]), Cluster(("[::1]:1", "[::1]:2"), 0)),
    ],
)
def test_a_cluster_is_read(text, expected):
    assert read_cluster(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "TF_CONFIG is not set"),
        ("{", "'{' is not as it must be"),
        ("[]", "is not as it must be"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', r"KeyError\('task'\)"),
        (_config(worker=["a", "b:2"]), "'a' is no address"),
        (_config(worker=["a:0", "b:2"]), "'a:0' is no address"),
        (_config(worker=["a:65536", "b:2"]), "'a:65536' is no address"),
        (_config(worker=["http://a:1", "b:2"]), "'http://a:1' is no address"),
        (_config(worker=[7, "b:2"]), "7 is no address"),
        (_config(worker=["a:1", "b:2"], index=2), "no worker 2 in its cluster"),
        (_config(worker=["a:1", "b:2"], index=-1), "no worker -1 in its cluster"),
        (_config(kind="ps", worker=["a:1", "b:2"]), "no ps 0 in its cluster"),
        (_config(worker=["a:1"]), "a:1 are not two or more different addresses"),
        (_config(worker=["a:1", "a:1"]), "a:1, a:1 are not two or more different addresses"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(text, message):
    with pytest.raises(SettingsError, match=message):
        read_cluster(text)


@pytest.fixture
def addresses():
    """Return three free places on this host."""
    return free_addresses(3)


def _all_meet(addresses, inputs, *, indices=None, seconds=20.0):
    """Let workers meet and return what became of each: an empty text, or its message."""

    def worker(place):
        try:
            meet(Cluster(addresses, place[0]), place[1], timeout_seconds=seconds)
        except TrainingError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(inputs)) as pool:
        return list(pool.map(worker, zip(indices or range(len(inputs)), inputs)))


def test_all_go_when_all_are_there(addresses):
    assert _all_meet(addresses, [INPUTS] * 3) == ["", "", ""]


def test_one_with_other_inputs_ends_them_all(addresses):
    messages = _all_meet(addresses[:2], [INPUTS, {**INPUTS, "records": "abd"}])

    assert all("worker 1 trains on other inputs than worker 0: records." in message for message in messages)


def test_two_processes_with_one_number_are_told(addresses):
    """The one, on another host, is spoken for here: on one host the two could meet at their own port first."""
    port = int(addresses[0].rpartition(":")[2])
    word = json.dumps({"index": 1, "addresses": [*addresses], "inputs": INPUTS}).encode() + b"\n"
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(_all_meet, addresses, [INPUTS] * 2, indices=[0, 1])
        with _connected(port) as elsewhere:
            elsewhere.sendall(word)
            answer = elsewhere.makefile().readline()

    assert json.loads(answer) == {"wrong": "two processes are worker 1"}
    assert all("two processes are worker 1" in message for message in others.result())


def test_two_that_call_themselves_the_first_are_told(addresses):
    messages = _all_meet(addresses[:2], [INPUTS] * 2, indices=[0, 0], seconds=2)

    assert sorted("cannot listen at port" in message for message in messages) == [False, True]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (0, r"2 workers: 1 \(127.0.0.1:\d+\), 2 \(127.0.0.1:\d+\) did not come in time"),
        (2, "worker 0 at .* did not answer"),
    ],
)
def test_one_who_waits_in_vain_says_for_whom(addresses, index, message):
    with pytest.raises(TrainingError, match=message):
        meet(Cluster(addresses, index), INPUTS, timeout_seconds=1)


def test_strangers_and_one_that_was_restarted_do_not_matter(addresses):
    """A connection that says nothing of use, and a worker that was killed while it waited and started again."""
    port = int(addresses[0].rpartition(":")[2])
    former = json.dumps({"index": 1, "addresses": [*addresses], "inputs": INPUTS}).encode() + b"\n"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(meet, Cluster(addresses, 0), INPUTS, timeout_seconds=20)
        for said in (b"GET / HTTP/1.1\r\n\r\n", b"", b"[]\n", former):
            _say(port, said)
        threads = [
            threading.Thread(target=meet, args=(Cluster(addresses, index), INPUTS), kwargs={"timeout_seconds": 20})
            for index in (1, 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first.result()


def _say(port, said):
    """Connect as soon as there is somebody, say something and go."""
    with _connected(port) as connection:
        connection.sendall(said)


def _connected(port):
    """Return a connection, as soon as there is somebody."""
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    return pytest.fail("nobody listens")
