"""The committed pipelines run end to end, on twelve drawn pictures and with the stand-in for Google's compiler.

All profiles are that of the tests, so no environment is made. The dataset brings a settings file for a small network.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ci.gocd.rehearse import Wish, rehearse
from edgetrain.demo.drawing import draw_dataset
from tests.support.places import PROJECT_DIR

pytestmark = [pytest.mark.tensorflow, pytest.mark.whole]

FILES = tuple(PROJECT_DIR / "gocd" / f"{name}.gocd.yaml" for name in ("dataset", "model", "edgetpu"))
SETTINGS = """\
network: {image_size: 96, depth_multiplier: 0.5}
training: {checkpoint_every_steps: 4, keep_best: false, augmentations: [random_horizontal_flip]}
quantize: {representative_images: 4}
hardware: {inferences: 5, warmup: 1}
validate: {rules: {class-rare: "off"}}
"""
SMALL = {
    **dict.fromkeys(("profile", "train_profile", "compile_profile", "device_profile"), "test"),
    "settings": "../dataset/edgetrain.yaml",
    "checkpoint_url": "src/edgetrain/demo/backbone.tar.gz",
    "batch_size": "2",
    "compiler": "ci/standin/edgetpu_compiler",
    "device": "cpu",
    "max_latency_ms": "10000",
}
NO_GATES = {"max_ap_drop": "1", "min_ap50": "0"}


@dataclass
class Bench:
    """A dataset and a folder to rehearse in; ``lines`` are those of the last rehearsal."""

    root: Path
    lines: list[str] = field(default_factory=list)

    def run(self, *files: Path, **wishes: object) -> bool:
        """Rehearse files with a small network and the given parameters; return whether all went well."""
        self.lines.clear()
        parameters = {**SMALL, "state_dir": str(self.root / "state"), **wishes.pop("parameters")}
        known = {name for file in files for name in parameters if f"      {name}: " in file.read_text(encoding="utf-8")}
        wanted = {name: value for name, value in parameters.items() if name in known}
        wish = Wish(PROJECT_DIR, files, wanted, str(self.root / "pictures"), **wishes)
        return rehearse(wish, self.root / "kept", self.lines.append)

    def results(self) -> dict[str, str]:
        """Return how each job of the last rehearsal ended."""
        jobs = [line.split() for line in self.lines if line.startswith("  ") and line.endswith(" s")]
        return {words[0]: words[1] for words in jobs}

    def artifacts(self, path: str) -> Path:
        """Return a path of the artifact store."""
        return self.root / "kept" / "artifacts" / path

    def console(self, path: str) -> str:
        """Return a job's console."""
        return (self.artifacts(path) / "cruise-output" / "console.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Return a bench on which all three pipelines were rehearsed with two steps of training."""
    made = Bench(tmp_path_factory.mktemp("bench"))
    draw_dataset(made.root / "pictures", pictures=12, seed=0)
    (made.root / "pictures/edgetrain.yaml").write_text(SETTINGS, encoding="utf-8")
    made.run(*FILES, parameters={"steps": "2", **NO_GATES}, approved=frozenset(["promote"]))
    return made


def test_every_job_passes_but_the_promotion_which_lacks_a_hardware_pass(bench):
    jobs = "validate split tables/tabulate tables/label-map records report checkpoint configure preflight-untrained "
    jobs += "train export quantize preflight evaluate compile hardware"
    expected = {**dict.fromkeys(jobs.split(), "passed"), "promote": "FAILED"}

    assert bench.results() == expected, "\n".join(bench.lines)
    assert "no hardware pass: the hardware test was only rehearsed on the CPU" in bench.console(
        "edgetpu/1/promote/1/promote"
    )
    assert bench.lines[-1].splitlines()[-1].split()[2] == "failed"


def test_the_overridden_gates_are_said(bench):
    assert 'model: parameter min_ap50 is "0" instead of "0.5"' in bench.lines
    assert 'edgetpu: parameter device is "cpu" instead of "edgetpu"' in bench.lines


def test_the_rehearsal_on_the_cpu_is_no_hardware_pass(bench):
    report = bench.artifacts("edgetpu/1/hardware/1/hardware/reports")

    assert '"is_hardware_pass": false' in (report / "hardware.json").read_text(encoding="utf-8")
    assert "rehearsal" in (report / "hardware.xml").read_text(encoding="utf-8")
    assert bench.artifacts("edgetpu/1/compile/1/compile/model/model_edgetpu.stand-in.tflite").is_file()


def test_a_killed_training_goes_on_in_another_folder_and_the_committed_gates_fail_ten_steps(bench):
    """As when an agent dies: kill -9 after the first checkpoint, then the same job anew, in an empty folder."""
    parameters = {"steps": "10"}
    with killed_after_a_checkpoint(bench):
        assert not bench.run(FILES[1], parameters=parameters, is_by_hand=True)
    assert bench.results()["train"] == "FAILED"
    assert "ended with signal 9" in bench.console("model/2/train/1/train")

    assert not bench.run(FILES[1], parameters=parameters, is_by_hand=True)

    assert "continuing from step " in bench.console("model/3/train/1/train")
    assert bench.results()["evaluate"] == "FAILED"
    assert "evaluate.min_ap50" in bench.console("model/3/evaluate/1/evaluate")
    assert "evaluate failed" in bench.artifacts("model/3/evaluate/1/evaluate/reports/index.html").read_text("utf-8")
    assert "report" not in bench.results()


@contextlib.contextmanager
def killed_after_a_checkpoint(bench):
    """Kill the training of the second run of "model" as soon as it has left a checkpoint that was not there before."""
    # The list of checkpoints is the last file that is written: only now is there one to continue from.
    before, is_over = set((bench.root / "state").rglob("checkpoints/checkpoint")), threading.Event()

    # Of this bench only: another rehearsal on the machine has a training of the same name.
    path_of_train = bytes(bench.root / "kept" / "agents" / "model" / "2" / "train")

    def watch():
        while not is_over.is_set():
            if set((bench.root / "state").rglob("checkpoints/checkpoint")) - before and kill(path_of_train):
                return
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def kill(part: bytes) -> bool:
    """Kill the processes of which an argument has this part."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if part in path.read_bytes():
                found.append(int(path.parent.name))
    for process_id in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
    return bool(found)


def test_a_broken_annotation_ends_it_at_validate_with_the_finding_on_the_page(bench, tmp_path):
    broken = Bench(tmp_path)
    draw_dataset(tmp_path / "pictures", pictures=12, seed=0)
    (tmp_path / "pictures/edgetrain.yaml").write_text(SETTINGS, encoding="utf-8")
    annotation = min((tmp_path / "pictures/annotations").glob("*.xml"))
    text = annotation.read_text(encoding="utf-8")
    annotation.write_text(text.replace("<xmax>", "<xmax>99", 1), encoding="utf-8")

    assert not broken.run(*FILES, parameters={"steps": "2"})

    assert broken.results() == {"validate": "FAILED"}
    page = broken.artifacts("dataset/1/validate/1/validate/reports/index.html").read_text(encoding="utf-8")
    assert f"annotations/{annotation.name}:" in page
    assert "box-outside" in page
    assert "model does not trigger: waits for dataset/report, which has not passed" in broken.lines
