"""A step shared by two devices of this host, and by two processes: what one would have done, whoever is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from edgetrain.core.errors import SettingsError
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import flow
from edgetrain.training.history import read_history
from tests.soak.kills import MOST_SECONDS, environment, train_command
from tests.support.free_ports import free_addresses
from tests.support.places import PROJECT_DIR

pytestmark = pytest.mark.tensorflow
STEPS = 20

# Two steps by one device or by two, with batch normalization still: then both compute the same.
SHARED = """
import sys
import numpy as np
import tensorflow as tf
from pathlib import Path
from edgetrain.networks.pipeline_config import parse_pipeline_config
from edgetrain.training.workers import distribution; from edgetrain.training import loop
from edgetrain.training.recipe import Recipe
from tests.support.tiny_run import pipeline_text

device, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
text = pipeline_text(batch_size=4, steps=2).replace(
    "train_config {", 'train_config { freeze_variables: ".*([Bb]atch[Nn]orm|_BN|_bn|bn_).*"', 1
)
config = parse_pipeline_config(text, where="test")
config.train_input_reader.label_map_path = sys.argv[1] + "/annotations/label_map.pbtxt"
run_dir, start = Path(sys.argv[2]), Path(sys.argv[1]) / "checkpoint" / "ckpt-0"
shards = sorted((Path(sys.argv[1]) / "records").glob("train.record-*"))
for name, shared in (("one", distribution.ALONE), ("two", distribution.Gpus(["CPU:0", "CPU:1"]))):
    tf.keras.utils.set_random_seed(0)
    paths = loop.RunPaths(run_dir / name, run_dir / f"{name}.csv", start, shards)
    trainer = loop.Trainer(config, paths, Recipe(seed=0, weight_average=0.9), cache_bytes=0, distribution=shared)
    trainer.run(loop.Pace(checkpoint_every_steps=10))
    values = [variable.numpy() for variable in (*trainer.model.variables, *trainer.average.averages)]
    np.savez(run_dir / f"{name}.npz", *values)
"""


@pytest.mark.whole
def test_two_devices_do_what_one_does(finished_workspace, tmp_path):
    """The whole run: losses, gradient clipping, weights and their average, checkpoint."""
    import numpy as np

    command = [sys.executable, "-c", SHARED, finished_workspace.root, tmp_path]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": f"{PROJECT_DIR / 'src'}:{PROJECT_DIR}", "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    one, two = (read_history(tmp_path / f"{name}.csv", up_to=2) for name in ("one", "two"))
    assert [row.loss for row in two] == pytest.approx([row.loss for row in one], rel=1e-4)
    with np.load(tmp_path / "one.npz") as ours, np.load(tmp_path / "two.npz") as theirs:
        assert len(ours.files) > 400
        worst = max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours.files)
    assert worst < 2e-3  # Adam's first steps are as long as the rate, whatever the gradient


@pytest.mark.parametrize("matches", [(3, 5), (0, 4), (0, 0)])
def test_the_parts_losses_are_those_of_the_batch(matches):
    """Sums of 6 and 8 over the anchors of two parts, each divided by its own matches as the API does."""
    from edgetrain.training.loop import share_of_part

    divided = [total / max(own, 1) for total, own in zip((6.0, 8.0), matches)]
    shared = [float(share_of_part(float(own), float(sum(matches)))) * loss for own, loss in zip(matches, divided)]

    assert sum(shared) == pytest.approx(14 / max(sum(matches), 1))


def test_workers_that_join_too_late_are_told_how(finished_workspace):
    """TensorFlow has computed in this process: the stages before training would have, too."""
    from edgetrain.core.errors import TrainingError
    from edgetrain.training.workers.cluster import Cluster
    from edgetrain.training.workers.distribution import Workers

    with pytest.raises(TrainingError, match=r'TensorFlow has computed in this process before: run "ci/inv pipeline'):
        Workers(Cluster(free_addresses(2), 0))


def _refused(make):
    with pytest.raises(SettingsError) as caught:
        make()
    return str(caught.value)


def test_what_cannot_be_shared_is_refused():
    from edgetrain.training.workers.distribution import Distribution, Gpus

    shared = Distribution()
    shared.replicas = 2

    assert "TensorFlow sees 0 of them here" in _refused(Gpus)
    assert _refused(lambda: shared.refuse_batch(5)).startswith("training.batch_size 5 cannot be shared by 2 replicas.")


@pytest.fixture
def workspaces(copied_run, tmp_path):
    """Return three workspaces, ready to be trained in, and a function that gives the settings of the first."""
    changes = {"training__steps": STEPS, "training__batch_size": 4}
    flow.run_pipeline(copied_run(**changes), to="configure")
    roots = [tmp_path / "build", tmp_path / "worker0", tmp_path / "worker1"]
    shutil.rmtree(roots[0] / "train")
    for root in roots[1:]:
        shutil.copytree(roots[0], root)
    return roots, lambda: copied_run(**changes)


class Pair:
    """Two workers, each a process of its own."""

    def __init__(self, roots):
        self._roots, self._processes = roots, []

    def start(self):
        addresses = free_addresses(2)
        for index, root in enumerate(self._roots):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            settings = environment(checkpoint_every_steps=4, patience=99, distribution="workers")
            command = train_command(root, "--dataset", str(root / "none"))
            self._processes.append(
                subprocess.Popen(
                    command,
                    cwd=PROJECT_DIR,
                    env={**settings, "TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )

    def kill(self, index, *, at):
        deadline = time.monotonic() + MOST_SECONDS
        while not (self._roots[0] / "train" / "checkpoints" / f"ckpt-{at}.index").exists():
            assert self._processes[index].poll() is None, self._processes[index].communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self._processes[index].send_signal(signal.SIGKILL)

    def ends(self):
        """Return exit code and output of both."""
        outputs = [process.communicate(timeout=MOST_SECONDS)[0] for process in self._processes]
        codes = [process.returncode for process in self._processes]
        self._processes = []
        return list(zip(codes, outputs))

    def close(self):
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture
def pair(workspaces):
    made = Pair(workspaces[0][1:])
    yield made
    made.close()


def _losses(root):
    return [row.loss for row in read_history(Workspace(root).history_path, up_to=STEPS)]


@pytest.mark.whole
def test_two_workers_learn_as_one_does_and_go_on_after_one_was_killed(workspaces, pair):
    """The killed one's partner ends with a message; started again, both go on from the first one's checkpoint."""
    (alone, *shared), settings = workspaces
    pair.start()
    pair.kill(1, at=8)
    (code, output), (killed, _) = pair.ends()
    pair.start()
    again = pair.ends()
    flow.run_stage("train", settings())

    assert (code, killed) == (1, -signal.SIGKILL)
    message = "error: train: worker 0 has probably lost another one ("
    assert [line.startswith(message) for line in output.splitlines()].count(True) == 1, output
    assert [code for code, _ in again] == [0, 0], again
    assert "continuing from step 8" in again[0][1]
    assert "worker 1 of 2: helped up to step 20; worker 0's workspace has the weights" in again[1][1]
    assert not (shared[1] / "train").exists()
    one, two = _losses(alone), _losses(shared[0])
    assert len(two) == len(one)
    assert two == pytest.approx(one, rel=0.2)
    assert sum(two) == pytest.approx(sum(one), rel=0.03)


def test_workers_are_told_what_they_lack(copied_run):
    with pytest.raises(SettingsError, match="distribution is workers, but TF_CONFIG is not set"):
        flow.run_stage("train", copied_run(training__distribution="workers", training__restart=True))
