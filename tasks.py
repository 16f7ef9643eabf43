"""One Invoke task for each stage, in flow order: read top to bottom, it is the pipeline."""

from __future__ import annotations

import sys
from pathlib import Path

from invoke import Collection, Context, Exit, task

PROJECT_DIR = Path(__file__).resolve().parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from ci import tasks as ci_tasks  # noqa: E402 - found through the line above
from ci.known_tasks import know_tasks  # noqa: E402
from ci.stage_tasks import (  # noqa: E402
    HELP,
    IMPORT_FLAGS,
    Flag,
    Flags,
    StageTask,
    settings_of,
    stage,
    take_variables,
    wants_plain_lines,
)
from ci.task_runner import TaskRunner  # noqa: E402

VARIABLES = take_variables()
runner = TaskRunner(VARIABLES)
run, show, read_back = runner.run, runner.show, runner.read_back
DEMO_SETTINGS = PROJECT_DIR / "src" / "edgetrain" / "demo" / "demo.yaml"


@stage("steps")
def demo(context: Context, dataset: Flag = None, workspace: Flag = None, steps: Flag = None) -> None:
    """Draw pictures and run the whole flow on them: the project in five minutes."""
    runner.demo(context, DEMO_SETTINGS, dataset=dataset, workspace=workspace, steps=steps)


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
    settings = settings_of(context, dict(locals()), VARIABLES)
    from edgetrain.pipeline import console, flow

    with console.listening(settings, is_plain=wants_plain_lines()):
        covered = flow.run_pipeline(settings, to=to, force=force)
    print(console.closing_table(settings, covered))


@stage("query", "limit", "provider")
def collect(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    query: Flag = None,
    limit: Flag = None,
    provider: Flag = None,
) -> None:
    """Fetch pictures by keyword into the dataset, with their licences in attribution.csv."""
    run(context, "collect", dataset=dataset, workspace=workspace, query=query, limit=limit, provider=provider)


@stage("tool")
def label(context: Context, dataset: Flag = None, workspace: Flag = None, tool: Flag = None) -> None:
    """Start labelImg (or --tool NAME) with this dataset's pictures and classes."""
    run(context, "label", dataset=dataset, workspace=workspace, tool=tool)


@stage("strict", "format", "since", "pixels", "summary", "html")
def validate(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    strict: bool = False,
    format: str = "text",
    since: Flag = None,
    pixels: bool = False,
    summary: Flag = None,
    html: Flag = None,
) -> None:
    """Review the labelled images: every fault with file and line (--format text, json, github or sarif)."""
    given = {"dataset": dataset, "workspace": workspace, "strict": strict, "since": since, "pixels": pixels}
    runner.review(context, format, summary=summary, html=html, **given)


@stage("apply")
def fix(context: Context, dataset: Flag = None, workspace: Flag = None, apply: bool = False) -> None:
    """Show the repairs that have one right answer as a diff; --apply writes them."""
    show(context, "fix", dataset=dataset, workspace=workspace, apply=apply)


@stage()
def stats(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Measure the dataset as the network sees it: counts, box sizes, anchors that fit."""
    show(context, "stats", dataset=dataset, workspace=workspace)


@stage(*IMPORT_FLAGS)
def import_annotations(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    from_: Flag = None,
    source: Flag = None,
    boxes_from_polygons: bool = False,
    no_boxes_from_polygons: bool = False,
    boxes_from_crowds: bool = False,
    boxes_drawn_on: Flag = None,
    emptied_pictures: Flag = None,
    columns: Flag = None,
    class_name: Flag = None,
    replace: bool = False,
) -> None:
    """Bring annotations of another format, and their pictures, into the dataset."""
    given = {name: value for name, value in locals().items() if name != "context"}
    run(context, "import-annotations", **given)


@stage("to_", "out")
def export_annotations(
    context: Context, dataset: Flag = None, workspace: Flag = None, to_: Flag = None, out: Flag = None
) -> None:
    """Write the dataset's annotations in another format."""
    run(context, "export-annotations", dataset=dataset, workspace=workspace, to_=to_, out=out)


@stage("validation", "test", "seed", "group_pattern")
def split(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    validation: Flag = None,
    test: Flag = None,
    seed: Flag = None,
    group_pattern: Flag = None,
) -> None:
    """Divide the pictures into train, validation and test; a picture that has a split keeps it."""
    given = {"validation": validation, "test": test, "seed": seed, "group_pattern": group_pattern}
    run(context, "split", dataset=dataset, workspace=workspace, **given)


@stage()
def tabulate(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Write the boxes of each split as CSV."""
    run(context, "tabulate", dataset=dataset, workspace=workspace)


@stage()
def label_map(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """Write the label map (class ids from 1) and the labels file of the TFLite model."""
    run(context, "label-map", dataset=dataset, workspace=workspace)


@stage("shards", "max_side", "jobs", "runner", "from_csv", "verify")
def records(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    shards: Flag = None,
    max_side: Flag = None,
    jobs: Flag = None,
    runner: Flag = None,
    from_csv: Flag = None,
    verify: bool = False,
) -> None:
    """Write pictures and boxes as TFRecords; --verify reads finished ones back."""
    given = {"shards": shards, "max_side": max_side, "jobs": jobs, "runner": runner, "from_csv": from_csv}
    if verify:
        read_back(context, dataset=dataset, workspace=workspace, **given)
    else:
        run(context, "records", dataset=dataset, workspace=workspace, **given)


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


@stage("model", "untrained", "format", "min_level")
def preflight(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    model: Flag = None,
    untrained: bool = False,
    format: str = "text",
    min_level: Flag = None,
) -> None:
    """Say what edgetpu_compiler will make of the model: operators on the Edge TPU, on the CPU, refused, and why."""
    given = {"dataset": dataset, "workspace": workspace, "model": model, "min_level": min_level}
    runner.preflight(context, format, untrained=untrained, **given)


@stage("model", "out", model="adapt_model", out="adapt_out")
def adapt(context: Context, dataset: Flag = None, workspace: Flag = None, model: Flag = None, out: Flag = None) -> None:
    """Rewrite a TFLite file of a newer converter so that edgetpu_compiler 16.0 takes it, and prove it equal."""
    show(context, "adapt", dataset=dataset, workspace=workspace, adapt_model=model, adapt_out=out)


@stage("split", "max_ap_drop", "min_ap50", "model", "labels", "decoder", model="model_file")
def evaluate(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    split: Flag = None,
    max_ap_drop: Flag = None,
    min_ap50: Flag = None,
    model: Flag = None,
    labels: Flag = None,
    decoder: Flag = None,
) -> None:
    """Judge both TFLite models, or one of your own (--model): COCO AP, AP50, AP75, AR, and AP of each class."""
    given = {"split": split, "max_ap_drop": max_ap_drop, "min_ap50": min_ap50}
    given |= {"model_file": model, "labels": labels, "decoder": decoder}
    run(context, "evaluate", dataset=dataset, workspace=workspace, **given)


@stage("min_runtime_version", "model", "labels", "decoder", "min_level", model="model_file")
def compile(  # noqa: A001 - the task's name
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    min_runtime_version: Flag = None,
    model: Flag = None,
    labels: Flag = None,
    decoder: Flag = None,
    min_level: Flag = None,
) -> None:
    """Compile the int8 model with Google's edgetpu_compiler, and check what it really did."""
    given = {"min_runtime_version": min_runtime_version, "min_level": min_level}
    given |= {"model_file": model, "labels": labels, "decoder": decoder}
    run(context, "compile", dataset=dataset, workspace=workspace, **given)


@stage("device", "max_latency_ms", "minutes", "model", "labels", "decoder", model="model_file")
def hardware(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    device: Flag = None,
    max_latency_ms: Flag = None,
    minutes: Flag = None,
    model: Flag = None,
    labels: Flag = None,
    decoder: Flag = None,
) -> None:
    """Try the compiled model on an Edge TPU: detections, accuracy, latency (--device cpu: a rehearsal)."""
    given = {"device": device, "max_latency_ms": max_latency_ms, "minutes": minutes}
    given |= {"model_file": model, "labels": labels, "decoder": decoder}
    run(context, "hardware", dataset=dataset, workspace=workspace, **given)


@stage("format", "unproven", "model", "labels", "decoder", format="bundle_format", model="model_file")
def bundle(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    format: Flag = None,
    unproven: bool = False,
    model: Flag = None,
    labels: Flag = None,
    decoder: Flag = None,
) -> None:
    """Pack the compiled model for Frigate or pycoral (--format), with labels, settings and model card."""
    given = {"model_file": model, "labels": labels, "decoder": decoder}
    run(context, "bundle", dataset=dataset, workspace=workspace, bundle_format=format, unproven=unproven, **given)


@stage("champion", "rollback")
def promote(
    context: Context, dataset: Flag = None, workspace: Flag = None, champion: Flag = None, rollback: bool = False
) -> None:
    """Make the model the champion if a device passed it and it beats the present one; --rollback: take that back."""
    run(context, "promote", dataset=dataset, workspace=workspace, champion=champion, rollback=rollback)


@stage("compare", "format", "model", "labels", "decoder", iterable=("compare",), model="model_file")
def report(
    context: Context,
    dataset: Flag = None,
    workspace: Flag = None,
    compare: Flags = None,
    format: str = "html",
    model: Flag = None,
    labels: Flag = None,
    decoder: Flag = None,
) -> None:
    """Make one HTML page of all results; --compare A --compare B: hold runs against each other."""
    if compare:
        runner.compare(context, compare, format, dataset=dataset, workspace=workspace)
        return
    given = {"model_file": model, "labels": labels, "decoder": decoder}
    run(context, "report", dataset=dataset, workspace=workspace, **given)


@stage()
def runs(context: Context, dataset: Flag = None, workspace: Flag = None) -> None:
    """List the workspace's former runs with their figures."""
    runner.runs(context, dataset=dataset, workspace=workspace)


@task(klass=StageTask, help={name: HELP[name] for name in ("profile", "format")}, auto_shortflags=False)
def doctor(context: Context, profile: str = "train", format: str = "text") -> None:
    """Say what this machine can do for a profile, what is missing, and what helps."""
    from edgetrain.doctor.doctor import examine, this_host

    text, is_good = examine(profile, format, this_host(settings_of(context, {}, VARIABLES)))
    print(text)
    if not is_good:
        raise Exit(code=1)


# In the flow's order; "ci/inv --list" shows them so.
GROUPS = {
    "start": (doctor, demo, pipeline),
    "pictures and labels": (collect, label, validate, fix, stats, import_annotations, export_annotations),
    "what training reads": (split, tabulate, label_map, records, checkpoint, configure),
    "the model": (train, export, quantize, evaluate),
    "the Edge TPU": (preflight, adapt, compile, hardware),
    "what comes of it": (report, runs, bundle, promote),
    "this project": (ci_tasks.test,),
}
namespace = Collection(*(one for group in GROUPS.values() for one in group), ci=ci_tasks.namespace)
know_tasks(namespace, {group: [one.name for one in ones] for group, ones in GROUPS.items()})
