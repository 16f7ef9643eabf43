"""Rules about environments and variables: pipelines that exist, each in one environment; names that occur once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Union

from ci.gocd.document import place_of
from ci.gocd.findings import Finding
from ci.gocd.pipelines import Environment, Job, Pipeline, Stage
from edgetrain.core.wording import suggestion

_Named = Union[Environment, Pipeline, Stage, Job]


def findings(environments: Sequence[Environment], pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """Yield what is wrong with environments, and with the variables of whatever has some."""
    yield from _members(environments, pipelines)
    stages = [stage for pipeline in pipelines for stage in pipeline.stages]
    jobs = [job for stage in stages for job in stage.jobs]
    named: list[_Named] = [*environments, *pipelines, *stages, *jobs]
    for one in named:
        yield from _variables(one)


def _members(environments: Sequence[Environment], pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    known = {pipeline.name.casefold(): pipeline.name for pipeline in pipelines}
    homes: dict[str, str] = {}
    for environment in environments:
        for name in environment.pipelines:
            place = place_of(name, environment.place)
            if name.casefold() not in known:
                what = f'there is no pipeline "{name}" in these files.{suggestion(name, known.values())}'
                yield Finding(place, f"{what} GoCD refuses such an environment.", "Correct the name, or add its file.")
            elif name.casefold() in homes:
                what = f'pipeline "{name}" is in environment "{homes[name.casefold()]}" already: GoCD allows one.'
                yield Finding(place, what, "Remove it from one of them.")
            homes.setdefault(name.casefold(), environment.name)


def _variables(named: _Named) -> Iterator[Finding]:
    """To the server a name is the same in other letters; one that is plain and secure is defined twice."""
    seen: dict[str, str] = {}
    for name in (*named.environment_variables, *named.secure_variables):
        first = seen.setdefault(name.casefold(), name)
        if first is not name:
            at = place_of(first, named.place)
            what = f'the variable "{name}" of "{named.name}" occurs twice (also in line {at.line}): GoCD refuses that.'
            yield Finding(place_of(name, named.place), what, "Keep one of them.")
