"""Trainings that are killed again and again, and what weights they end with.

    PYTHONPATH=src python -m tests.soak.kills --count 20

A tiny network is trained once in peace, and once killed at random moments, each time started again: both must end with
the same weights, to the bit.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgetrain.core.workspace import Workspace
from tests.support.places import PROJECT_DIR

MOST_SECONDS = 600
STEPS = 400


def train_command(workspace, *flags):
    """Return the command that trains in a workspace in which everything before is done."""
    return [
        sys.executable,
        "-m",
        "invoke",
        "--search-root",
        str(PROJECT_DIR),
        "train",
        "--workspace",
        workspace,
        *flags,
    ]


def environment(**settings):
    """Return the environment of a training that saves itself every few steps."""
    names = {f"INVOKE_TRAINING_{name.upper()}": str(value) for name, value in settings.items()}
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **names}


def weights_digest(workspace):
    """Return a digest of the weights that a finished training has left."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(Workspace(workspace).trained_dir)))
    names = sorted(name for name in reader.get_variable_to_shape_map() if name.startswith("model/"))
    assert len(names) > 100
    digest = hashlib.sha256()
    for name in names:
        digest.update(reader.get_tensor(name).tobytes())
    return digest.hexdigest()


def killed_after(seconds, command, **options):
    """Run a program, kill it after some seconds, and return whether it was killed before it ended by itself."""
    with subprocess.Popen(command, **options) as process:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
    assert process.returncode == 0, command
    return False


def main():
    """Kill a training at random moments and compare its weights with those of one that was left in peace."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    peace, killed = folder / "peace", folder / "killed"
    _prepare(folder, peace)
    shutil.copytree(peace, killed)
    options = {"env": environment(checkpoint_every_steps=5), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = time.monotonic()
    subprocess.run(train_command(peace), check=True, timeout=MOST_SECONDS, **options)
    whole = time.monotonic() - started
    moments = random.Random(chosen.seed)  # noqa: S311 - chooses moments
    kills = 0
    while kills < chosen.count:
        was_killed = killed_after(moments.uniform(0, whole), train_command(killed), **options)
        kills += was_killed
        if not was_killed:  # it was done before: what is left of the kills hits a run from its beginning
            assert weights_digest(killed) == weights_digest(peace)
            shutil.rmtree(Workspace(killed).train_dir)
    subprocess.run(train_command(killed), check=True, timeout=MOST_SECONDS, **options)
    digests = weights_digest(peace), weights_digest(killed)
    print(f"{kills} kills, weights {'equal' if len({*digests}) == 1 else digests}")  # noqa: T201
    assert digests[0] == digests[1]
    shutil.rmtree(folder)


def _prepare(folder, workspace):
    """Make everything before the training of a tiny network on drawn pictures."""
    from edgetrain.pipeline import flow
    from tests.conftest import draw_labelled
    from tests.support.tiny_run import tiny_settings, write_backbone_archive

    for number in range(12):
        draw_labelled(folder / "dataset", f"{number:04d}", boxes=1 + number % 2, shade=20 * number)
    (folder / "backbone").mkdir()
    archive = write_backbone_archive(folder / "backbone", "mobilenet_v2_ssd", 0.25)
    settings = tiny_settings(folder / "dataset", workspace, archive, {"training.steps": STEPS})
    flow.run_pipeline(settings, to="configure")


if __name__ == "__main__":
    main()
