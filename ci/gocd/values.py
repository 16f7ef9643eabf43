"""Nodes of a pipeline file as the values of ``pipelines.py``: defaults filled in, lists flattened.

It never fails: where a key is absent or faulty, which ``schema.py`` reports, its default stands. Text stays
``document.Text``, so that a finding about a value can say its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ci.gocd.document import Fields, Items, Node, Text
from ci.gocd.pipelines import (
    Artifact,
    ArtifactKind,
    DependencyMaterial,
    Environment,
    Exec,
    Fetch,
    GitMaterial,
    Job,
    Material,
    Pipeline,
    RunIf,
    Stage,
    Task,
)
from ci.gocd.scalars import TRUE

# Where GoCD puts test artifacts that name no destination.
_TEST_ARTIFACTS_DIR = "testoutput"
_RUN_IF = {state.value: state for state in RunIf}


def to_pipeline(name: Text, raw: Fields) -> Pipeline:
    """Return a pipeline.

    Args:
        name: its key.
        raw: its map, parameters in place.
    """
    return Pipeline(
        name=name,
        place=name.place,
        group=_text(raw, "group"),
        materials=tuple(_materials(raw)),
        stages=tuple(_stage(key, fields) for key, fields in _named(raw.get("stages"))),
        label_template=_text(raw, "label_template", "${COUNT}"),
        lock_behavior=_text(raw, "lock_behavior", "none"),
        parameters=_texts_by_name(raw, "parameters"),
        **_variables(raw),
    )


def to_environments(raw: Optional[Node]) -> tuple[Environment, ...]:
    """Return the environments of a file.

    Args:
        raw: what stands under ``environments``, if anything does.
    """
    return tuple(
        Environment(name=name, place=name.place, pipelines=_texts(node, "pipelines"), **_variables(node))
        for name, node in _entries(raw).items()
        if isinstance(node, Fields)
    )


def _materials(raw: Fields) -> Iterator[Material]:
    for name, node in _entries(raw.get("materials")).items():
        if not isinstance(node, Fields):
            continue
        if node.get("pipeline") is not None:
            yield DependencyMaterial(
                name=name,
                place=name.place,
                pipeline=_text(node, "pipeline"),
                stage=_text(node, "stage"),
                ignore_for_scheduling=_is_true(node, "ignore_for_scheduling"),
            )
        elif node.get("git") is not None or node.get("type") == "configrepo":
            yield GitMaterial(
                name=name,
                place=name.place,
                url=_text(node, "git"),
                branch=_text(node, "branch", "master"),
                destination=_text(node, "destination"),
                includes=_texts(node, "includes") + _texts(node, "whitelist"),
                ignore=_texts(node, "ignore") + _texts(node, "blacklist"),
                auto_update=_is_true(node, "auto_update", default=True),
                shallow_clone=_is_true(node, "shallow_clone"),
                username=_text(node, "username"),
            )


def _stage(name: Text, raw: Fields) -> Stage:
    approval = raw.get("approval")
    details = approval if isinstance(approval, Fields) else Fields(raw.place, {})
    jobs = raw.get("jobs")
    return Stage(
        name=name,
        place=name.place,
        jobs=tuple(_job(key, node) for key, node in _entries(jobs).items() if isinstance(node, Fields))
        if jobs is not None
        else (_job(name, raw),),
        is_manual="manual" in (approval, details.get("type")),
        allow_only_on_success=_is_true(details, "allow_only_on_success"),
        fetch_materials=_is_true(raw, "fetch_materials", default=True),
        keep_artifacts=_is_true(raw, "keep_artifacts"),
        clean_workspace=_is_true(raw, "clean_workspace"),
        **(_variables(raw) if jobs is not None else {}),
    )


def _job(name: Text, raw: Fields) -> Job:
    timeout = _text(raw, "timeout")
    return Job(
        name=name,
        place=name.place,
        tasks=tuple(_tasks(raw.get("tasks"))),
        artifacts=tuple(_artifacts(raw.get("artifacts"))),
        resources=_texts(raw, "resources"),
        elastic_profile_id=_text(raw, "elastic_profile_id"),
        timeout_minutes=int(timeout) if timeout.isascii() and timeout.isdecimal() else None,
        tabs=_texts_by_name(raw, "tabs"),
        run_instances=_text(raw, "run_instances"),
        **_variables(raw),
    )


def _tasks(node: Optional[Node]) -> Iterator[Task]:
    for kind, raw in _named(node):
        if kind == "exec":
            yield Exec(
                place=kind.place,
                command=_text(raw, "command"),
                arguments=_texts(raw, "arguments"),
                working_directory=_text(raw, "working_directory"),
                run_if=_RUN_IF.get(_text(raw, "run_if"), RunIf.PASSED),
            )
        elif kind == "fetch":
            yield Fetch(
                place=kind.place,
                stage=_text(raw, "stage"),
                job=_text(raw, "job"),
                source=_text(raw, "source"),
                pipeline=_text(raw, "pipeline"),
                destination=_text(raw, "destination"),
                is_file=_is_true(raw, "is_file"),
                run_if=_RUN_IF.get(_text(raw, "run_if"), RunIf.PASSED),
            )


def _artifacts(node: Optional[Node]) -> Iterator[Artifact]:
    for kind, raw in _named(node):
        if kind in {"build", "test"}:
            is_test = kind == "test"
            yield Artifact(
                place=kind.place,
                kind=ArtifactKind.TEST if is_test else ArtifactKind.BUILD,
                source=_text(raw, "source"),
                destination=_text(raw, "destination") or (_TEST_ARTIFACTS_DIR if is_test else ""),
            )


def _named(node: Optional[Node]) -> Iterator[tuple[Text, Fields]]:
    """Yield the name and the map of each item of a list of ``- name: map``, lists in it flattened."""
    for item in node.values if isinstance(node, Items) else ():
        if isinstance(item, Items):
            yield from _named(item)
        else:
            # GoCD drops all but the first.
            yield from [(key, value) for key, value in _entries(item).items() if isinstance(value, Fields)][:1]


def _entries(node: Optional[Node]) -> Mapping[Text, Node]:
    return node.entries if isinstance(node, Fields) else {}


def _text(raw: Fields, key: str, default: str = "") -> str:
    value = raw.get(key)
    return value if isinstance(value, Text) and value else default


def _texts(raw: Fields, key: str) -> tuple[str, ...]:
    value = raw.get(key)
    return tuple(item for item in value.values if isinstance(item, Text)) if isinstance(value, Items) else ()


def _texts_by_name(raw: Fields, key: str) -> dict[str, str]:
    return {name: value for name, value in _entries(raw.get(key)).items() if isinstance(value, Text)}


def _is_true(raw: Fields, key: str, *, default: bool = False) -> bool:
    value = raw.get(key)
    return value in TRUE if isinstance(value, Text) else default


def _variables(raw: Fields) -> dict[str, Any]:
    names = ("environment_variables", "secure_variables")
    return {name: _texts_by_name(raw, name) for name in names}
