"""One Invoke task for each stage, in flow order: read top to bottom, it is the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from invoke import Collection, Config, Context, Exit, Task, task

PROJECT_DIR = Path(__file__).resolve().parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from ci import tasks as ci_tasks  # noqa: E402 - found through the line above
from edgetrain.core.errors import EdgetrainError, SettingsError  # noqa: E402
from edgetrain.core.settings import Settings, SettingsFile  # noqa: E402

# Taken away before Invoke looks: it would make True of "false", and a traceback of a list or of a word for a number.
VARIABLES = {name: os.environ.pop(name) for name in Settings.variables(os.environ)}
DEMO_SETTINGS = PROJECT_DIR / "src" / "edgetrain" / "demo" / "demo.yaml"
FLAGS = {
    "dataset": ("dataset.root", "folder of the labelled images"),
    "workspace": ("workspace.root", "folder for everything that is made"),
    "strict": ("validate.strict", "warnings fail too"),
    "validation": ("split.validation", "share of the pictures that choose the model, 0 to 1"),
    "test": ("split.test", "share of the pictures that judge it, 0 to 1"),
    "seed": ("split.seed", "another seed, another division"),
    "shards": ("records.shards", "TFRecord files for each split"),
    "network_type": ("network.type", "mobilenet_v1_ssd or mobilenet_v2_ssd"),
    "url": ("checkpoint.url", "checkpoint archive: http(s)://, file:// or a path"),
    "sha256": ("checkpoint.sha256", "digest that the archive must have"),
    "steps": ("training.steps", "training steps"),
    "batch_size": ("training.batch_size", "pictures for each step"),
    "train_whole_model": ("training.train_whole_model", "train the backbone too"),
    "resume": ("training.resume", "only continue a run that was cut; anything else is an error"),
    "restart": ("training.restart", "begin anew; the earlier run is kept aside"),
    "split": ("evaluate.split", "train, validation or test"),
    "max_ap_drop": ("evaluate.max_ap_drop", "AP that int8 may lose against float32, 0 to 1"),
}
HELP = {name: f"{text} ({setting})" for name, (setting, text) in FLAGS.items()}
HELP |= {
    "no_train_whole_model": "train only the layers after the backbone",
    "to": "last stage to run (default: evaluate)",
    "force": "redo what is up to date, the training too",
    "format": "text or json",
}
Flag = Optional[str]


class StageTask(Task):  # type: ignore[type-arg]
    """A task whose known failures are one message and exit code 1 instead of a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task.

        Raises:
            Exit: the task failed in a way that the user can mend, or was interrupted.
        """
        try:
            return super().__call__(*args, **kwargs)
        except EdgetrainError as error:
            raise Exit(f"error: {error}", code=1) from error
        except KeyboardInterrupt:
            raise Exit("interrupted; run the same command again to continue", code=130) from None


def stage(*names: str) -> Callable[[Callable[..., None]], Any]:
    """Return the decorator of a task with the common flags and the named ones."""
    helped = {name: HELP[name] for name in ("dataset", "workspace", *names)}
    # No short flags: Invoke would give the same letter other meanings in other tasks.
    decorator: Callable[[Callable[..., None]], Any] = task(klass=StageTask, help=helped, auto_shortflags=False)
    return decorator


def settings_of(context: Context, given: dict[str, object], file: Path | None = None) -> Settings:
    """Return the checked settings: ``invoke.yaml``, then the user's file, then variables, then flags.

    Raises:
        SettingsError: the user's file does not exist, or a setting is unknown or wrong.
    """
    # Invoke merges the files into one before anybody asks; relative paths need to know which file they are from.
    name = context.config._runtime_path  # noqa: SLF001
    own_file = SettingsFile(Path(name).absolute(), own_sections(context.config._runtime)) if name else None  # noqa: SLF001
    if file:
        own_file = read_settings_file(file)
    elif own_file and not own_file.path.is_file():
        raise SettingsError(f"{own_file.path}: there is no such file. Correct the name after -f.")
    # Invoke's boolean flags are False when absent: only True says something.
    flags: dict[str, object] = {
        FLAGS[name][0]: given[name] for name in given if name in FLAGS and given[name] is not False
    }
    if given.get("no_train_whole_model"):
        flags[FLAGS["train_whole_model"][0]] = False
    return Settings.from_mapping(
        own_sections(context.config._project),  # noqa: SLF001
        base_dir=PROJECT_DIR,
        own_file=own_file,
        environment=VARIABLES,
        flags=flags,
        flags_dir=Path.cwd(),
    )


def own_sections(config: dict[str, object]) -> dict[str, object]:
    """Return the sections of a file that are not Invoke's own."""
    return {key: value for key, value in config.items() if key not in Config.global_defaults()}


def read_settings_file(path: Path) -> SettingsFile:
    """Return a settings file of the project, read as Invoke reads its own."""
    config = Config(runtime_path=path)
    config.load_runtime()
    return SettingsFile(path, own_sections(config._runtime))  # noqa: SLF001


def run(context: Context, name: str, **given: object) -> None:
    """Run one stage and tell how it went on standard error."""
    from edgetrain import console, flow

    settings = settings_of(context, given)
    with console.listening(settings):
        flow.run_stage(name, settings)


@stage("steps")
def demo(context: Context, dataset: Flag = None, workspace: Flag = None, steps: Flag = None) -> None:
    """Draw pictures and run the whole flow on them: the project in five minutes."""
    from edgetrain import console, flow
    from edgetrain.stages import draw

    given: dict[str, object] = {"dataset": dataset, "workspace": workspace, "steps": steps}
    settings = settings_of(context, given, DEMO_SETTINGS)
    with console.listening(settings):
        draw.run(settings)
        covered = flow.run_pipeline(settings)
    print(console.closing_table(settings, covered))


@stage(
    "network_type", "url", "sha256", "steps", "batch_size", "train_whole_model", "no_train_whole_model", "to", "force"
)
def pipeline(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    network_type: Flag = None,
    url: Flag = None,
    sha256: Flag = None,
    steps: Flag = None,
    batch_size: Flag = None,
    train_whole_model: bool = False,
    no_train_whole_model: bool = False,
    to: Flag = None,
    force: bool = False,
) -> None:
    """Run all stages from validate to evaluate, or --to STAGE, then report; what is up to date is skipped."""
    from edgetrain import console, flow

    given: dict[str, object] = {
        "dataset": dataset,
        "workspace": workspace,
        "network_type": network_type,
        "url": url,
        "sha256": sha256,
        "steps": steps,
        "batch_size": batch_size,
        "train_whole_model": train_whole_model,
        "no_train_whole_model": no_train_whole_model,
    }
    settings = settings_of(context, given)
    with console.listening(settings):
        covered = flow.run_pipeline(settings, to=to, force=force)
    print(console.closing_table(settings, covered))


@stage("strict", "format")
def validate(
    context: Context, dataset: Flag = None, workspace: Flag = None, strict: bool = False, format: str = "text"
) -> None:
    """Review the labelled images: every fault with file and line (--format text or json)."""
    from edgetrain import console, flow

    settings = settings_of(context, {"dataset": dataset, "workspace": workspace, "strict": strict})
    with console.listening(settings):
        text, is_good = flow.review(settings, format)
    print(text)
    if not is_good:
        raise Exit(code=1)


@stage("validation", "test", "seed")
def split(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    validation: Flag = None,
    test: Flag = None,
    seed: Flag = None,
) -> None:
    """Divide the pictures into train, validation and test; splits that the dataset has are kept."""
    run(context, "split", dataset=dataset, workspace=workspace, validation=validation, test=test, seed=seed)


@stage()
def tabulate(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Write the boxes of each split as CSV."""
    run(context, "tabulate", dataset=dataset, workspace=workspace)


@stage()
def label_map(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Write the label map (class ids from 1) and the labels file of the TFLite model."""
    run(context, "label-map", dataset=dataset, workspace=workspace)


@stage("shards")
def records(context: Context, dataset: Flag = None, workspace: Flag = None, shards: Flag = None) -> None:
    """Write pictures and boxes as TFRecords."""
    run(context, "records", dataset=dataset, workspace=workspace, shards=shards)


@stage("network_type", "url", "sha256")
def checkpoint(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    network_type: Flag = None,
    url: Flag = None,
    sha256: Flag = None,
) -> None:
    """Fetch the weights that training starts from."""
    given = {"network_type": network_type, "url": url, "sha256": sha256}
    run(context, "checkpoint", dataset=dataset, workspace=workspace, **given)


@stage("network_type", "train_whole_model", "no_train_whole_model", "steps", "batch_size")
def configure(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    network_type: Flag = None,
    train_whole_model: bool = False,
    no_train_whole_model: bool = False,
    steps: Flag = None,
    batch_size: Flag = None,
) -> None:
    """Render the Object Detection API's pipeline.config."""
    given = {"network_type": network_type, "steps": steps, "batch_size": batch_size}
    whole = {"train_whole_model": train_whole_model, "no_train_whole_model": no_train_whole_model}
    run(context, "configure", dataset=dataset, workspace=workspace, **given, **whole)


@stage("steps", "resume", "restart")
def train(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    steps: Flag = None,
    resume: bool = False,
    restart: bool = False,
) -> None:
    """Train; a run that was cut continues (--resume: only that; --restart: begin anew)."""
    run(context, "train", dataset=dataset, workspace=workspace, steps=steps, resume=resume, restart=restart)


@stage()
def export(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Export the trained weights as a SavedModel."""
    run(context, "export", dataset=dataset, workspace=workspace)


@stage()
def quantize(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Convert to TFLite: float32, and full int8 for the Edge TPU."""
    run(context, "quantize", dataset=dataset, workspace=workspace)


@stage("split", "max_ap_drop")
def evaluate(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    split: Flag = None,
    max_ap_drop: Flag = None,
) -> None:
    """Judge both TFLite models: COCO AP, AP50, AP75, AR, and AP of each class."""
    run(context, "evaluate", dataset=dataset, workspace=workspace, split=split, max_ap_drop=max_ap_drop)


@stage()
def report(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Make one HTML page of all results."""
    run(context, "report", dataset=dataset, workspace=workspace)


namespace = Collection(
    demo,
    pipeline,
    validate,
    split,
    tabulate,
    label_map,
    records,
    checkpoint,
    configure,
    train,
    export,
    quantize,
    evaluate,
    report,
    ci_tasks.test,
    ci=ci_tasks.namespace,
)
