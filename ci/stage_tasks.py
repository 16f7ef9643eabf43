"""What the tasks share: the flags and the settings that they mean, where settings come from, how a failure ends."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from invoke import Config, Context, Exit, Task, task

from edgetrain.core import settings as face
from edgetrain.core.errors import EdgetrainError, SettingsError
from edgetrain.core.wording import clipped, printable_lines

if TYPE_CHECKING:
    from edgetrain.core.settings import Settings, SettingsFile

PROJECT_DIR = Path(__file__).resolve().parent.parent
_MOST_LETTERS = 300
FLAGS = {
    "dataset": ("dataset.root", "folder of the labelled images"),
    "workspace": ("workspace.root", "folder for everything that is made"),
    "strict": ("validate.strict", "warnings fail too"),
    "since": ("validate.since", "git revision: review only what changed since; whole-set rules see everything"),
    "pixels": ("validate.pixels", "decode every picture too"),
    "apply": ("fix.apply", "write the repairs instead of showing them"),
    "query": ("collect.query", "words to look for"),
    "limit": ("collect.limit", "pictures of the query that the dataset shall have"),
    "provider": ("collect.provider", "openverse, wikimedia, or MODULE:FUNCTION of your own; several with commas"),
    "tool": ("label.tool", "program that draws boxes"),
    "from_": (
        "import_annotations.format",
        "voc, csv, coco, yolo, cvat, labelme, open-images, via or label-studio",
    ),
    "source": ("import_annotations.source", "file, folder or zip to import, its pictures below it"),
    "boxes_from_polygons": ("import_annotations.boxes_from_polygons", "other shapes become the box around them"),
    "boxes_from_crowds": ("import_annotations.boxes_from_crowds", "boxes of crowds and groups are taken too"),
    "boxes_drawn_on": (
        "import_annotations.boxes_drawn_on",
        "turned or stored: the form of pictures with an EXIF orientation on which the boxes were drawn",
    ),
    "emptied_pictures": (
        "import_annotations.emptied_pictures",
        "negatives or leave-out: what becomes of pictures that lost all their objects",
    ),
    "columns": ("import_annotations.columns", "columns of a CSV without a header, with commas"),
    "class_name": ("import_annotations.class_name", "class of objects for which the source states none"),
    "replace": ("import_annotations.replace", "overwrite annotations and pictures that differ"),
    "to_": ("export_annotations.format", "csv, coco, yolo, cvat, labelme or open-images"),
    "out": ("export_annotations.out", "file or folder to write, which must not exist"),
    "validation": ("split.validation", "share of the pictures that choose the model, 0 to 1"),
    "test": ("split.test", "share of the pictures that judge it, 0 to 1"),
    "seed": ("split.seed", "another seed, another division"),
    "group_pattern": (
        "split.group_pattern",
        "regular expression: the same text in its group, the same split",
    ),
    "shards": ("records.shards", "TFRecord files for each split; 0: one for 1,000 pictures"),
    "max_side": ("records.max_side", "pixels: larger pictures are scaled down; 0: 8 times the network's input"),
    "jobs": ("records.jobs", "processes; 0: one for each core"),
    "runner": ("records.runner", "Apache Beam's runner that converts, such as DirectRunner (profile beam)"),
    "from_csv": ("records.from_csv", "edited table, or a folder of such, in place of the XML of its pictures"),
    "network_type": ("network.type", "such as mobilenet_v2_ssd or mobilenet_v2_ssdlite; all are in invoke.yaml"),
    "url": ("checkpoint.url", "checkpoint archive: http(s)://, file:// or a path"),
    "sha256": ("checkpoint.sha256", "digest that the archive must have"),
    "steps": ("training.steps", "training steps"),
    "batch_size": ("training.batch_size", "pictures for each step"),
    "train_whole_model": ("training.train_whole_model", "train the backbone too"),
    "resume": ("training.resume", "only continue a run that was cut; anything else is an error"),
    "restart": ("training.restart", "begin anew; the earlier run is kept aside"),
    "split": ("evaluate.split", "train, validation or test"),
    "max_ap_drop": ("evaluate.max_ap_drop", "AP that int8 may lose against float32, 0 to 1"),
    "min_ap50": ("evaluate.min_ap50", "AP50 that int8 must have, 0 to 1"),
    "model": ("preflight.model", "a .tflite file instead of the workspace's model"),
    "model_file": ("model.file", "a .tflite file that was not trained here, in place of the workspace's model"),
    "labels": ("model.labels", "class names of --model, one a line; without it those in its file"),
    "decoder": ("model.decoder", "auto, ssd, yolo-dfl, yolo or efficientdet: what the outputs of --model mean"),
    "adapt_model": ("adapt.model", "a .tflite file of a newer converter"),
    "adapt_out": ("adapt.out", "the .tflite file to write; one that is there is replaced"),
    "min_level": ("preflight.min_level", "any, hardly, mostly or all: how much of --model must run on the Edge TPU"),
    "min_runtime_version": ("compile.min_runtime_version", "oldest Edge TPU runtime that the model must run on"),
    "device": ("hardware.device", "edgetpu, usb:N, pci:N, or cpu for a rehearsal"),
    "max_latency_ms": ("hardware.max_latency_ms", "limit of the 90th percentile"),
    "minutes": ("hardware.minutes", "how long it must run without a pause"),
    "bundle_format": ("bundle.format", "frigate or pycoral"),
    "unproven": ("bundle.unproven", "also a model that no Coral device has passed; the bundle says so"),
    "champion": ("promote.champion", "branch with the champion's record; a tag or commit: compare only"),
    "rollback": ("promote.rollback", "bring the champion before back"),
}
IMPORT_FLAGS = (
    *("from_", "source", "boxes_from_polygons", "no_boxes_from_polygons", "boxes_from_crowds", "boxes_drawn_on"),
    *("emptied_pictures", "columns", "class_name", "replace"),
)
# The flags of tasks that write into the dataset.
_WRITING = {"from_", "query", "tool"}
HELP = {name: f"{text} ({setting})" for name, (setting, text) in FLAGS.items()}
HELP |= {
    "no_boxes_from_polygons": "leave other shapes than boxes out",
    "no_train_whole_model": "train only the layers after the backbone",
    "to": "last stage to run (default: evaluate)",
    "force": "redo what is up to date, the training too",
    "profile": "train, check, compile, device, test, beam, label or gpu",
    "verify": "only read the finished records back and hold every one against the rules of training",
    "summary": "a file to add the findings to as Markdown, with what the change does to each class",
    "html": "a file to write the findings to as a page, with pictures on which the boxes are drawn",
    "untrained": "a model of the same shape before any training",
    "format": "validate: text, json, github or sarif; preflight: text or json; bundle: frigate or pycoral; "
    "report --compare: html or markdown",
    "compare": "a workspace, a former run (ci/inv runs) or a folder of reports; the first is what the others must beat",
}
Flag = Optional[str]
Flags = Optional[list[str]]


class StageTask(Task):  # type: ignore[type-arg]
    """A task whose known failures are one message and exit code 1 instead of a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task.

        Raises:
            Exit: the task failed in a way that the user can fix, or was interrupted.
        """
        try:
            return super().__call__(*args, **kwargs)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] in {"edgetrain", "ci"}:
                raise
            profile = "beam" if error.name.startswith("apache_beam") else "train"
            raise Exit(
                f"error: {error.name} is not installed in this environment. Run the task in a profile that has it, "
                f"such as {profile} (see 'Profiles' in docs/packages.md).",
                code=1,
            ) from error
        except EdgetrainError as error:
            raise Exit(f"error: {printable_lines(str(error))}", code=1) from error
        except OSError as error:
            # Strangers' folders hold what no reader foresees; a system's error without a file is a mistake of ours.
            if error.filename is None or not error.strerror:
                raise
            name = clipped(os.fsdecode(error.filename), _MOST_LETTERS)
            text = printable_lines(f"{name}: {error.strerror}. Fix or remove what is there.")
            raise Exit(f"error: {text}", code=1) from error
        except KeyboardInterrupt:
            raise Exit("interrupted; run the same command again to continue", code=130) from None


def stage(*names: str, iterable: Sequence[str] = (), **sets: str) -> Callable[[Callable[..., None]], Any]:
    """Return the decorator of a task with the common flags and the named ones, of which some may be repeated.

    ``sets`` names the entry of ``HELP`` for a flag that sets something else here than in other tasks.
    """
    helped = {name: HELP[sets.get(name, name)] for name in ("dataset", "workspace", *names)}
    # No short flags: Invoke would give the same letter other meanings in other tasks.
    decorator: Callable[[Callable[..., None]], Any] = task(
        klass=StageTask, help=helped, auto_shortflags=False, iterable=list(iterable)
    )
    return decorator


def take_variables() -> dict[str, str]:
    """Return the environment's variables that override settings, and take them away before Invoke looks.

    It would make True of "false", and a traceback of a list or of a word for a number. TensorFlow's variable is one.
    """
    named = [name for name in os.environ if name.startswith("INVOKE_")]
    taken = {name: os.environ.pop(name) for name in (face.Settings.variables(named) if named else ())}
    cluster = os.environ.get("TF_CONFIG", "")
    return {"INVOKE_TRAINING_CLUSTER": cluster, **taken} if cluster else taken


def settings_of(
    context: Context, given: Mapping[str, object], variables: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Return the checked settings: ``invoke.yaml``, then the user's file, then variables, then flags.

    Raises:
        SettingsError: the user's file does not exist, or a setting is unknown or wrong.
    """
    if given.get("model") == "":
        raise SettingsError("--model is empty. Name a .tflite file, or leave the flag out.")
    # Invoke merges the files into one before anybody asks; relative paths need to know which file they are from.
    name = context.config._runtime_path  # noqa: SLF001
    own_file = face.SettingsFile(Path(name).absolute(), own_sections(context.config._runtime)) if name else None  # noqa: SLF001
    if file:
        own_file = read_settings_file(file)
    elif own_file and not own_file.path.is_file():
        raise SettingsError(f"{own_file.path}: there is no such file. Correct the name after -f.")
    # Invoke's boolean flags are False when absent: only True says something.
    flags: dict[str, object] = {
        FLAGS[name][0]: given[name] for name in given if name in FLAGS and given[name] is not False
    }
    declined = (name.removeprefix("no_") for name in given if name.startswith("no_") and given[name])
    flags.update({FLAGS[name][0]: False for name in declined})
    settings: Settings = face.Settings.from_mapping(
        own_sections(context.config._project),  # noqa: SLF001
        base_dir=PROJECT_DIR,
        own_file=own_file,
        environment=variables,
        flags=flags,
        flags_dir=Path.cwd(),
    )
    return _unzipped(settings, given) if settings.dataset.root.is_file() else settings


def _unzipped(settings: Settings, given: Mapping[str, object]) -> Settings:
    """Return the settings with a folder in place of a zipped dataset.

    Raises:
        SettingsError: the task writes into the dataset.
    """
    # Loaded only where there is a file: no other task waits for it.
    zipped = importlib.import_module("edgetrain.dataset.zipped")
    if not (given.keys() & _WRITING or given.get("apply")):
        unzipped: Settings = zipped.with_unzipped_dataset(settings)
        return unzipped
    if importlib.import_module("edgetrain.annotations.archive").is_archive(settings.dataset.root):
        raise SettingsError(f"{settings.dataset.root}: a zip cannot be written to. Unpack it, and name the folder.")
    return settings


def wants_plain_lines() -> bool:
    """Return whether the progress is to be whole lines even on a terminal: in CI, or where no signs are wanted.

    ``NO_COLOR``: https://no-color.org; ``CI`` is set by GitHub, GitLab and others.
    """
    return any(os.environ.get(name) for name in ("CI", "NO_COLOR")) or os.environ.get("TERM") == "dumb"


def own_sections(config: dict[str, object]) -> dict[str, object]:
    """Return the sections of a file that are not Invoke's own."""
    return {key: value for key, value in config.items() if key not in Config.global_defaults()}


def read_settings_file(path: Path) -> SettingsFile:
    """Return a settings file of the project, read as Invoke reads its own."""
    config = Config(runtime_path=path)
    config.load_runtime()
    return face.SettingsFile(path, own_sections(config._runtime))  # noqa: SLF001
