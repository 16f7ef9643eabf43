"""The environment variables that GoCD gives a job (https://docs.gocd.org/current/faq/dev_use_current_revision_in_build.html).

Every material of a YAML pipeline has a name, so the variables without one (``GO_REVISION``) do not exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ci.gocd.history import Run
from ci.gocd.pipelines import DependencyMaterial, GitMaterial, Job, Pipeline, Stage
from ci.gocd.scalars import has_look_up

_SERVER_URL = "https://rehearsal.invalid/go"
# What an agent itself was started with. The rest of the caller's variables is unknown there.
_BASE = re.compile(
    r"(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|EDGETRAIN_\w+|PIP_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE"
    r"|(http|https|no|all)_proxy)",
    re.IGNORECASE,
)


def agent_variables(own: Mapping[str, str]) -> dict[str, str]:
    """Return those of the caller's variables that an agent has too; without the environment that we run in."""
    kept = {name: value for name, value in own.items() if _BASE.fullmatch(name)}
    inside = own.get("VIRTUAL_ENV")
    if inside:
        kept["PATH"] = ":".join(part for part in kept.get("PATH", "").split(":") if part != f"{inside}/bin")
    return kept


def job_variables(pipeline: Pipeline, stage: Stage, job: Job, run: Run) -> dict[str, str]:
    """Return a job's own variables, without those of :func:`left_out`: there is no server to ask for their values.

    Args:
        pipeline: of the job.
        stage: of the job.
        job: to run.
        run: of the pipeline.
    """
    variables = {
        "GO_SERVER_URL": _SERVER_URL,
        "GO_PIPELINE_NAME": run.pipeline,
        "GO_PIPELINE_COUNTER": str(run.counter),
        "GO_PIPELINE_LABEL": run.label,
        "GO_PIPELINE_GROUP_NAME": pipeline.group,
        "GO_STAGE_NAME": stage.name,
        "GO_STAGE_COUNTER": "1",
        "GO_JOB_NAME": job.name,
        "GO_TRIGGER_USER": run.triggered_by,
    }
    if job.resources:
        variables["GO_AGENT_RESOURCES"] = ",".join(job.resources)
    for material in pipeline.materials:
        if isinstance(material, GitMaterial):
            variables |= _of_git(material, run)
        else:
            variables |= _of_dependency(material, run)
    for named in (pipeline, stage, job):
        variables |= named.environment_variables
    secret = left_out(pipeline, stage, job)
    return {name: value for name, value in variables.items() if name not in secret}


def left_out(pipeline: Pipeline, stage: Stage, job: Job) -> list[str]:
    """Return the names of the variables whose values a server alone knows: ciphers and look-ups."""
    found: list[str] = []
    for named in (pipeline, stage, job):
        found += named.secure_variables
        found += [name for name, value in named.environment_variables.items() if has_look_up(value)]
    return list(dict.fromkeys(found))


def _of_git(material: GitMaterial, run: Run) -> dict[str, str]:
    name, revision = _as_variable(material.name), run.revisions[material.name]
    return {
        f"GO_REVISION_{name}": revision.newest,
        f"GO_TO_REVISION_{name}": revision.newest,
        f"GO_FROM_REVISION_{name}": revision.oldest,
        f"GO_MATERIAL_URL_{name}": revision.repository,
        f"GO_MATERIAL_BRANCH_{name}": revision.branch,
        f"GO_MATERIAL_{name}_HAS_CHANGED": str(revision.has_changed).lower(),
    }


def _of_dependency(material: DependencyMaterial, run: Run) -> dict[str, str]:
    name, upstream = _as_variable(material.name), run.upstream[material.name]
    return {
        f"GO_DEPENDENCY_LABEL_{name}": upstream.label,
        f"GO_DEPENDENCY_LOCATOR_{name}": f"{upstream.pipeline}/{upstream.counter}/{material.stage}/1",
        f"GO_MATERIAL_{name}_HAS_CHANGED": str(upstream.has_changed).lower(),
    }


def _as_variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())
