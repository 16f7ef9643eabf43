"""The keys of GoCD's pipeline files, format version 10, that pipelines here may use, and what stands behind each.

Keys and defaults: https://github.com/tomzo/gocd-yaml-config-plugin (README and ``transforms``). What needs a plugin
that GoCD does not bring along, or cannot be rehearsed without a server, is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci.gocd import filters, scalars
from ci.gocd.document import Fields, Node
from ci.gocd.kinds import Anything, Choice, Kind, ListOf, MapOf, Record, Scalar

_FILLED = Scalar(may_be_empty=False)
_BOOLEAN = Scalar(scalars.boolean, is_early=True)
_NAME = Scalar(scalars.name, may_be_empty=False)
_PATH = Scalar(scalars.inner_path)
_LOOK_UP = Scalar(scalars.look_up, may_be_empty=False, is_secret=True)
_CIPHER = Scalar(scalars.cipher, is_secret=True)
_NEEDED = "GoCD refuses that."

_VARIABLES: Mapping[str, Kind] = {
    "environment_variables": MapOf("variable", _FILLED, scalars.variable_name),
    "secure_variables": MapOf("variable", _CIPHER, scalars.variable_name),
}

_RUN_IF = Scalar(scalars.one_of("passed", "failed", "any"))
_USE_EXEC = "is a task that cannot be rehearsed here: call the program with exec."
_NOT_BUNDLED = "needs a plugin that GoCD does not bring along: call the program with exec."
_EXEC: dict[str, Kind] = {
    "command": _FILLED,
    "arguments": ListOf(Scalar()),
    "working_directory": _PATH,
    "run_if": _RUN_IF,
    "timeout": Scalar(scalars.whole_number),
}
_EXEC_NEEDS = {"command": _NEEDED}
# A task to run when the job is cancelled has the keys of any other.
_ON_CANCEL = Record("the task of on_cancel", {"exec": Record("an exec task", _EXEC, _EXEC_NEEDS)}, is_single=True)
_TASK = Record(
    "the list of tasks",
    {
        "exec": Record("an exec task", {**_EXEC, "on_cancel": _ON_CANCEL}, _EXEC_NEEDS),
        "fetch": Record(
            "a fetch task",
            {
                "pipeline": _FILLED,
                "stage": _NAME,
                "job": _FILLED,
                "source": Scalar(scalars.store_path),
                "destination": _PATH,
                "is_file": _BOOLEAN,
                "run_if": _RUN_IF,
                "artifact_origin": Scalar(scalars.one_of("gocd")),
                "on_cancel": _ON_CANCEL,
            },
            {
                "stage": _NEEDED,
                "job": _NEEDED,
                "source": _NEEDED,
            },
            {
                "artifact_id": "is for artifacts outside GoCD, which need a plugin that it does not bring along.",
                "configuration": "is for artifacts outside GoCD, which need a plugin that it does not bring along.",
            },
        ),
    },
    refused={
        "script": _NOT_BUNDLED,
        "plugin": _NOT_BUNDLED,
        "ant": _USE_EXEC,
        "nant": _USE_EXEC,
        "rake": _USE_EXEC,
    },
    is_single=True,
)

_ARTIFACT_KEYS: Mapping[str, Kind] = {"source": Scalar(scalars.inner_path, may_be_empty=False), "destination": _PATH}
_ARTIFACT_NEEDS = {"source": _NEEDED}
_ARTIFACT = Record(
    "the list of artifacts",
    {
        "build": Record("a build artifact", _ARTIFACT_KEYS, _ARTIFACT_NEEDS),
        "test": Record("a test artifact", _ARTIFACT_KEYS, _ARTIFACT_NEEDS),
    },
    refused={"external": _NOT_BUNDLED},
    is_single=True,
)

_ELSEWHERE = {
    **dict.fromkeys(("command", "arguments", "working_directory", "run_if", "on_cancel"), "a task"),
    **dict.fromkeys(("source", "destination"), "an artifact or a fetch task"),
    **dict.fromkeys(("exec", "fetch"), 'the list "tasks:"'),
    **dict.fromkeys(("build", "test"), 'the list "artifacts:"'),
    **dict.fromkeys(("is_file", "artifact_origin"), "a fetch task"),
    **dict.fromkeys(("spec", "only_on_changes"), 'the map "timer:"'),
    **dict.fromkeys(("type", "allow_only_on_success", "roles", "users"), 'the map "approval:"'),
    **dict.fromkeys(("git", "branch", "includes", "ignore", "shallow_clone", "auto_update"), "a material"),
    **dict.fromkeys(("group", "label_template", "lock_behavior", "timer", "parameters", "materials"), "a pipeline"),
    **dict.fromkeys(("approval", "fetch_materials", "keep_artifacts", "clean_workspace", "jobs"), "a stage"),
    **dict.fromkeys(("timeout", "resources", "elastic_profile_id", "run_instances", "artifacts", "tabs"), "a job"),
    **dict.fromkeys(_VARIABLES, "a pipeline, stage or job"),
}

_JOB_KEYS: Mapping[str, Kind] = {
    "timeout": Scalar(scalars.minutes, is_early=True),
    "resources": ListOf(Scalar(scalars.resource)),
    "elastic_profile_id": _FILLED,
    "run_instances": Scalar(scalars.run_instances, is_early=True),
    "artifacts": ListOf(_ARTIFACT),
    "tabs": MapOf("tab", Scalar(scalars.store_path), scalars.tab_name),
    "tasks": ListOf(_TASK, is_nested=True),
    **_VARIABLES,
}
_DEAD_JOB_KEYS = {"properties": "is dead since GoCD 19.9."}
_AGENTS = ("resources", "elastic_profile_id")
_JOB = Record("a job", _JOB_KEYS, {"tasks": _NEEDED}, _DEAD_JOB_KEYS, _ELSEWHERE, (_AGENTS,))

_APPROVAL_WORD = Scalar(scalars.one_of("manual", "auto", "success"), is_early=True)
_APPROVAL = Record(
    "an approval",
    {
        "type": Scalar(scalars.one_of("manual", "success")),
        "allow_only_on_success": _BOOLEAN,
        "roles": ListOf(_FILLED),
        "users": ListOf(_FILLED),
    },
    {"type": _NEEDED},
    elsewhere=_ELSEWHERE,
)
_STAGE_KEYS: Mapping[str, Kind] = {
    "fetch_materials": _BOOLEAN,
    "keep_artifacts": _BOOLEAN,
    "clean_workspace": _BOOLEAN,
    "approval": Choice(lambda node: _APPROVAL if isinstance(node, Fields) else _APPROVAL_WORD),
    **_VARIABLES,
}
_STAGE = Record("a stage", {**_STAGE_KEYS, "jobs": MapOf("job", _JOB, scalars.job_name)}, elsewhere=_ELSEWHERE)
_STAGE_OF_ONE_JOB = Record(
    "a stage of one job",
    {**_STAGE_KEYS, **_JOB_KEYS},
    {"tasks": 'a stage without "jobs:" must have tasks.'},
    _DEAD_JOB_KEYS,
    _ELSEWHERE,
    (_AGENTS,),
)


def _stage(node: Node) -> Kind:
    has_jobs = isinstance(node, Fields) and node.get("jobs") is not None
    return _STAGE if has_jobs else _STAGE_OF_ONE_JOB


_FILTERS = ("includes", "ignore", "whitelist", "blacklist")
_CHECKOUT_KEYS: Mapping[str, Kind] = {
    "type": Scalar(scalars.one_of("git", "configrepo")),
    "auto_update": _BOOLEAN,
    "destination": _PATH,
    **dict.fromkeys(_FILTERS, ListOf(Scalar(filters.fault_of))),
}
_GIT = Record(
    "a git material",
    {
        **_CHECKOUT_KEYS,
        "git": Scalar(scalars.repository, may_be_empty=False, is_secret=True),
        "branch": _FILLED,
        "shallow_clone": _BOOLEAN,
        "username": _FILLED,
        "password": _LOOK_UP,
        "encrypted_password": _CIPHER,
    },
    {"branch": 'GoCD would take "master".'},
    elsewhere=_ELSEWHERE,
    rivals=(_FILTERS, ("password", "encrypted_password")),
)
_CONFIG_REPO = Record("a material of type configrepo", _CHECKOUT_KEYS, elsewhere=_ELSEWHERE, rivals=(_FILTERS,))
_DEPENDENCY = Record(
    "a dependency material",
    {
        "type": Scalar(scalars.one_of("dependency")),
        "pipeline": _NAME,
        "stage": _NAME,
        "ignore_for_scheduling": _BOOLEAN,
    },
    {"stage": _NEEDED},
    elsewhere=_ELSEWHERE,
)
_NO_MATERIAL = Record(
    "a material",
    {**_GIT.keys, **_DEPENDENCY.keys, "type": Scalar(scalars.one_of("configrepo", "git", "dependency"))},
    {"git": 'nothing says what it is: "git: URL", "pipeline: NAME" with "stage: NAME", or "type: configrepo".'},
    {
        **dict.fromkeys(("svn", "hg", "p4"), "is a version control system that cannot be rehearsed here: use git."),
        **dict.fromkeys(("scm", "package", "plugin_configuration"), "needs a plugin: use git."),
    },
    _ELSEWHERE,
)


def _material(node: Node) -> Kind:
    if not isinstance(node, Fields) or node.get("git") is not None:
        return _GIT
    if node.get("pipeline") is not None:
        return _DEPENDENCY
    return _CONFIG_REPO if node.get("type") == "configrepo" else _NO_MATERIAL


_PIPELINE = Record(
    "a pipeline",
    {
        "group": _NAME,
        "label_template": Scalar(scalars.label),
        "lock_behavior": Scalar(scalars.one_of("none", "lockOnFailure", "unlockWhenFinished")),
        "display_order": Scalar(scalars.whole_number, is_early=True),
        "tracking_tool": Record(
            "a tracking tool",
            {"link": Scalar(scalars.tracker_link), "regex": _FILLED},
            {"link": _NEEDED, "regex": _NEEDED},
        ),
        "timer": Record("a timer", {"spec": Scalar(scalars.timer), "only_on_changes": _BOOLEAN}, {"spec": _NEEDED}),
        "parameters": MapOf("parameter", Scalar(), scalars.name),
        "materials": MapOf("material", Choice(_material), scalars.name),
        "stages": ListOf(MapOf("stage", Choice(_stage), scalars.name, is_single=True), is_nested=True),
        **_VARIABLES,
    },
    {"group": _NEEDED, "materials": _NEEDED, "stages": "nothing would run."},
    {
        "template": "names stages that stand on one server alone, and GoCD then ignores those of the file.",
        "locking": 'is dead since format version 2: "lock_behavior" replaces it.',
        "mingle": "is dead since format version 8.",
    },
    _ELSEWHERE,
)
_ENVIRONMENT = Record(
    "an environment",
    {"pipelines": ListOf(_NAME), "agents": ListOf(_FILLED), **_VARIABLES},
    elsewhere=_ELSEWHERE,
)
ROOT = Record(
    "a pipeline file",
    {
        "format_version": Scalar(scalars.format_version, may_be_empty=False),
        "common": Anything(),
        "pipelines": MapOf("pipeline", _PIPELINE, scalars.name),
        "environments": MapOf("environment", _ENVIRONMENT, scalars.name),
    },
    {"format_version": "GoCD would take 1, and refuse files of different versions."},
    elsewhere=_ELSEWHERE,
)
