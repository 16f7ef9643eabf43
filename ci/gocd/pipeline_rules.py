"""Rules about pipelines, stages and jobs: names that occur twice, labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Union

from ci.gocd.document import place_of
from ci.gocd.findings import Finding
from ci.gocd.pipelines import Job, Material, Pipeline, Stage
from edgetrain.core.wording import suggestion


def findings(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """Yield what is wrong with pipelines that are configured together."""
    yield from _twice(pipelines, "pipeline")
    for pipeline in pipelines:
        yield from _twice(pipeline.materials, "material")
        yield from _twice(pipeline.stages, "stage")
        yield from _label(pipeline)
        for stage in pipeline.stages:
            yield from _twice(stage.jobs, "job")


def _twice(named: Iterable[Union[Pipeline, Material, Stage, Job]], noun: str) -> Iterator[Finding]:
    seen: dict[str, Union[Pipeline, Material, Stage, Job]] = {}
    for one in named:
        first = seen.setdefault(one.name.casefold(), one)
        if first is not one:
            what = f'{noun} "{one.name}" occurs twice (also at {first.place}): GoCD takes "A" and "a" for one name.'
            yield Finding(one.place, what, "Rename one of them.")


def _label(pipeline: Pipeline) -> Iterator[Finding]:
    materials = {material.name.casefold(): material.name for material in pipeline.materials}
    for name in re.findall(r"\$\{([^}\[]+)", pipeline.label_template):
        if name.casefold() not in {"count", *materials} and not name.startswith("env:"):
            what = f'the label names "{name}", which is no material.{suggestion(name, materials.values())}'
            remedy = "Write COUNT, the name of a material, or env:VARIABLE."
            yield Finding(place_of(pipeline.label_template, pipeline.place), what, remedy)
