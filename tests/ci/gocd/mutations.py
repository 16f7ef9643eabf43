"""A valid set of pipelines, and every change of it that GoCD refuses, misreads or drops in silence."""

from pathlib import Path

import pytest

VALID = (Path(__file__).parent / "valid.yaml").read_text(encoding="utf-8")
CIPHER = '"AES:0Yl0tkMTVu8pHTKhBMVUHw==:Cuvj8b5Bz0UNVvHZ6IqTbg=="'
LOOK_UP = '"{{SECRET:[file][token]}}"'


def mutation(name, old, new, message, offset=0):
    """Return a parameter: the changed text, the line of the fault (so many below the change), words of the message."""
    assert VALID.count(old) == 1, f"{name}: {old!r} is there {VALID.count(old)} times"
    line = VALID[: VALID.index(old)].count("\n") + 1 + offset
    return pytest.param(VALID.replace(old, new), line, message, id=name)


KEYS = [
    mutation("pipeline", "lock_behavior", "lock_behaviour", 'Did you mean "lock_behavior"'),
    mutation("stage", "clean_workspace", "clean_worksapce", 'Did you mean "clean_workspace"'),
    mutation("job", "timeout: 90", "time_out: 90", 'Did you mean "timeout"'),
    mutation("job through an anchor", "timeout: 20", "timeuot: 20", 'Did you mean "timeout"'),
    mutation("fetch", "is_file: yes", "isfile: yes", 'Did you mean "is_file"'),
    mutation("exec", "arguments: [compile,", "argument: [compile,", 'no key of an exec task. Did you mean "arguments"'),
    mutation("on_cancel", "on_cancel: {exec: {command", "on_cancel: {exec: {comand", 'Did you mean "command"'),
    mutation("artifact", "destination: reports}", "dst: reports}", "no key of a build artifact"),
    mutation("material", "auto_update: true", "autoupdate: true", 'Did you mean "auto_update"'),
    mutation("name in a material", "auto_update: true", "name: data", "no key of a git material"),
    mutation("approval", "allow_only_on_success", "allow_on_success", "no key of an approval"),
    mutation("timer", "only_on_changes", "only_on_change", 'Did you mean "only_on_changes"'),
    mutation("tracking tool", "regex:", "regexp:", 'Did you mean "regex"'),
    mutation("environment", "pipelines: [edgetpu]", "pipeline: [edgetpu]", 'Did you mean "pipelines"'),
    mutation("task", "- fetch: {stage: compile", "- ftech: {stage: compile", 'Did you mean "fetch"'),
    mutation("artifact type", "- test: {source", "- tests: {source", 'Did you mean "test"'),
    mutation("top", "common:", "shared:", "no key of a pipeline file"),
    mutation("capital at the top", "environments:\n", "Environments:\n", 'Did you mean "environments"'),
    mutation("pipeline's key in a stage", "approval: auto", "timer: {spec: x}", "belongs to a pipeline"),
    mutation("stage's key in a job", "elastic_profile_id: cpu", "clean_workspace: on", "It belongs to a stage"),
    mutation("job's key beside jobs", "fetch_materials: false", "timeout: 3", "It belongs to a job"),
    mutation("dead locking", "display_order: 1", "locking: on", "dead since format version 2"),
    mutation("dead properties", "elastic_profile_id: cpu", "properties: {}", "dead since GoCD 19.9"),
    mutation("template beside stages", "display_order: 1", "template: build", "GoCD then ignores those of the file"),
    mutation(
        "script",
        '- exec: {command: bash, arguments: [-c, "echo $HOME && true"]}',
        "- script: ls",
        "does not bring along",
    ),
    mutation("external artifact", "- test: {source", "- external: {source", "does not bring along"),
    mutation("package", "{pipeline: model, stage: train}\n", "{package: id}\n", "needs a plugin"),
]
SHAPES = [
    mutation("no version", "format_version: 10\n", "", "GoCD would take 1"),
    mutation("version 9", "format_version: 10", "format_version: 9", "is not the version"),
    mutation("version 99", "format_version: 10", "format_version: 99", "is not the version"),
    mutation("version is no number", "format_version: 10", "format_version: ten", "is not the version"),
    mutation("second document", "environments:\n", "---\nenvironments:\n", "second YAML document", offset=1),
    mutation("tab", "    fetch_materials: false", "\tfetch_materials: false", "not valid YAML"),
    mutation("open bracket", "roles: [hw]", "roles: [hw", "not valid YAML", offset=1),
    mutation(
        "job twice", "            coral:\n", "            coral: {}\n            coral:\n", "occurs twice", offset=1
    ),
    mutation(
        "material twice",
        "      model: {pipeline: model",
        "      code: *code\n      model: {pipeline: model",
        "occurs twice",
    ),
    mutation(
        "override of a merged key",
        "<<: *bench\n",
        "<<: *bench\n              timeout: 3\n",
        "which cannot be overridden",
        offset=1,
    ),
    mutation(
        "merge after its override",
        "<<: *bench\n",
        "timeout: 3\n              <<: *bench\n",
        "which cannot be overridden",
    ),
    mutation("unknown alias", "<<: *bench", "<<: *bank", "not valid YAML"),
    mutation("merge of a list", "<<: *bench", "<<: [a]", "no map"),
    mutation(
        "two keys in a task",
        "- *clean\n            - exec:",
        "- exec: {command: a}\n              fetch: {}\n            - exec:",
        "has 2 keys",
    ),
    mutation("two keys in an artifact", "- test: {source", "  test: {source", "has 2 keys", offset=-1),
    mutation(
        "no materials",
        "    materials:\n      code: *code\n      model: {pipeline: model, stage: train}\n",
        "",
        'no "materials"',
        offset=-2,
    ),
    mutation(
        "materials are a list",
        "materials:\n      code: *code\n      model: {",
        "materials:\n      - {",
        "where a map belongs",
        offset=1,
    ),
    mutation(
        "stages are a map",
        "stages:\n      - compile:",
        "stages: {compile: {}}\n    group:\n      - compile:",
        "where a list belongs",
    ),
    mutation(
        "no tasks",
        "tasks:\n            - fetch: {pipeline: model, stage",
        "tabs:\n            - fetch: {pipeline: model, stage",
        "must have tasks",
        offset=-5,
    ),
    mutation("fetch without job", "job: compile, source", "source", 'a fetch task has no "job"'),
    mutation("fetch without source", "source: model, art", "art", 'a fetch task has no "source"'),
    mutation("exec without command", "{command: code/ci/inv, arg", "{arg", 'an exec task has no "command"'),
    mutation("artifact without source", "{source: build/model}", "{destination: a}", 'build artifact has no "source"'),
    mutation("timer without times", "      spec: 0 30 2 ? * MON-FRI\n", "", 'a timer has no "spec"', offset=-1),
    mutation("tab without path", "{report: reports/reports/index.html}", "{report: }", '"report" has no value'),
    mutation(
        "job without tasks",
        "coral:\n              <<: *bench\n              tasks",
        "coral:\n              tabs",
        'a job has no "tasks"',
    ),
    mutation(
        "stage without jobs",
        "          jobs:\n            coral:\n",
        "          tabs:\n            coral:\n",
        "must have tasks",
        offset=-5,
    ),
    mutation(
        "pipeline without content",
        "  edgetpu:\n    group: edge\n",
        "  edgetpu:\n  other:\n    group: edge\n",
        '"edgetpu" has no value',
    ),
    mutation("resources are text", "resources: [gpu]", "resources: gpu", "where a list belongs"),
    mutation("arguments are text", "arguments: [--list]", "arguments: --list", "where a list belongs"),
    mutation(
        "variables are a list",
        "environment_variables: {JOBS: 4}",
        "environment_variables: [JOBS]",
        "where a map belongs",
    ),
    mutation("task is text", "- *clean\n            - exec:", "- validate\n            - exec:", "where a map belongs"),
    mutation("filter is text", '["annotations/*.xml"]', '"annotations/*.xml"', "where a list belongs"),
    mutation("key without value", "arguments: [--list]", "arguments: ", "has no value"),
    mutation("empty list", "roles: [hw]", "roles: []", "empty list"),
]
VALUES = [
    mutation("boolean", "only_on_changes: yes", "only_on_changes: perhaps", "neither true nor false"),
    mutation(
        "boolean from a parameter", "only_on_changes: yes", 'only_on_changes: "#{since}"', "cannot be a parameter"
    ),
    mutation("minutes with a unit", "timeout: 20", "timeout: 20m", "no number of minutes"),
    mutation("no timeout", "timeout: 20", "timeout: 0", "the server's default, not never"),
    mutation("instances with letters", "run_instances: 2", "run_instances: 3x", "GoCD would take its first digits"),
    mutation("run_if", "run_if: any", "run_if: always", "Write one of: passed, failed, any"),
    mutation("lock", "unlockWhenFinished", "unlockwhenfinished", 'Did you mean "unlockWhenFinished"'),
    mutation("approval word", "approval: auto", "approval: automatic", 'Did you mean "auto"'),
    mutation("approval type", "type: manual", "type: manuel", 'Did you mean "manual"'),
    mutation("artifact origin", "artifact_origin: gocd", "artifact_origin: god", 'Did you mean "gocd"'),
    mutation("config-repo", "type: configrepo", "type: config-repo", 'Did you mean "configrepo"'),
    mutation("cron of five fields", "0 30 2 ? * MON-FRI", "30 2 ? * MON-FRI", "5 fields"),
    mutation("cron without question mark", "0 30 2 ? * MON-FRI", "0 30 2 * * MON-FRI", 'needs "?"'),
    mutation("cron out of range", "0 30 2 ? * MON-FRI", "0 30 24 ? * MON-FRI", '"24" as hours'),
    mutation("pipeline's name", "  edgetpu:\n    group", "  edge tpu:\n    group", 'pipeline "edge tpu" is no name'),
    mutation("stage's name", "- hardware:", "- .hardware:", 'stage ".hardware" is no name'),
    mutation("job's name", "            coral:\n", "            co/ral:\n", 'job "co/ral" is no name'),
    mutation("tab's name", "tabs: {report:", "tabs: {the-whole-report:", "at most 15"),
    mutation("variable's name", "PLACE: lab", "the place: lab", "no name that every shell knows"),
    mutation("resource's letters", '"usb 3"', '"usb#{x}/3"', "no parameter"),
    mutation("resource's letters, too", '"usb 3"', '"usb/3"', "no name of a resource"),
    mutation("empty variable", "PLACE: lab", 'PLACE: ""', "is empty"),
    mutation("variable without value", "PLACE: lab", "PLACE:", "has no value"),
    mutation("secure variable in plain text", CIPHER, "hunter2", "is no cipher of a GoCD server"),
    mutation("secure variable as a look-up", CIPHER, LOOK_UP, "GoCD takes ciphers only"),
    mutation("half a cipher", CIPHER, "AES:abc", "is no cipher of a GoCD server"),
    mutation("password in plain text", "auto_update: true", "password: hunter2", "Write a look-up"),
    mutation("password as a cipher", "auto_update: true", f"password: {CIPHER}", "Write a look-up"),
    mutation("empty password", "auto_update: true", 'password: ""', "is empty"),
    mutation("encrypted password in plain text", "auto_update: true", "encrypted_password: hunter2", "is no cipher"),
    mutation(
        "encrypted password as a look-up",
        "auto_update: true",
        f"encrypted_password: {LOOK_UP}",
        "GoCD takes ciphers only",
    ),
    mutation("unescaped hash", '"echo $HOME && true"', '"true # done"', 'has a "#" that is no parameter'),
    mutation(
        "unescaped hash in an address",
        '{link: "https://example.invalid/issues/${ID}"',
        '{link: "https://example.invalid/#${ID}"',
        'has a "#" that is no parameter',
    ),
    mutation("undefined parameter", "#{since}", "#{sinse}", 'Did you mean "since"'),
    mutation("label with a space", "${data}-${env:JOBS}", '"${data} ${env:JOBS}"', "no label for GoCD"),
    mutation("label without a variable", "${data}-${env:JOBS}", "constant", "no label for GoCD"),
    mutation("tracking tool without number", "issues/${ID}", "issues/ID", "no link to an issue"),
    mutation("shallow clone", "auto_update: true", "shallow_clone: true", "checks of changed files", offset=-2),
    mutation(
        "both passwords",
        "auto_update: true",
        f"password: {LOOK_UP}\n        encrypted_password: {CIPHER}",
        'beside "password"',
        offset=1,
    ),
    mutation("artifact outside", "{source: build/model}", "{source: ../build/model}", "leaves the job's folder"),
    mutation("fetch to outside", "destination: build}", "destination: /build}", "leaves the job's folder"),
    mutation("source ./", "source: model,", "source: ./model,", "its issue 4810"),
    mutation("filter annotations/**", "annotations/*.xml", "annotations/**", 'Write "annotations/**/*"'),
    mutation("filter annotations/", "annotations/*.xml", "annotations/", 'Write "annotations/**/*"'),
    mutation("filter **", "annotations/*.xml", "**", 'Write "**/*"'),
    mutation("filter annotations", "annotations/*.xml", "annotations", 'write "annotations/**/*"'),
    mutation("filter ann/**/*.{xml,jpg}", "annotations/*.xml", "ann/**/*.{xml,jpg}", "one pattern for each"),
    mutation("filter ann/?.xml", "annotations/*.xml", "ann/?.xml", "literally"),
    mutation("filter ann/[ab].xml", "annotations/*.xml", "ann/[ab].xml", "literally"),
    mutation("filter /ann/*.xml", "annotations/*.xml", "/ann/*.xml", "Leave the beginning out"),
]
RULES = [
    mutation("no branch", "    branch: main\n", "", 'has no "branch": GoCD would take "master"', offset=27),
    mutation(
        "no destination beside another repository", "    destination: dataset\n", "", "has no destination", offset=26
    ),
    mutation("same destination", "    destination: dataset\n", "    destination: ./code\n", "is that of material"),
    mutation("nested destination", "    destination: dataset\n", "    destination: code/dataset\n", "or lies in it"),
    mutation("includes and ignore", "auto_update: true", 'ignore: ["*.md"]', 'beside "ignore"', offset=1),
    mutation(
        "another repository of the same name",
        'parameters: {dataset_url: "https://example.invalid/dataset.git"}',
        'parameters: {dataset_url: "https://example.invalid/other.git"}',
        "else commits get mixed",
        offset=4,
    ),
    mutation(
        "unequal polling", "auto_update: true", "auto_update: false", "not that of the same repository", offset=36
    ),
    mutation(
        "two dependencies on one pipeline",
        "model: {pipeline: model, stage: train}",
        "model: {pipeline: model, stage: train}\n      again: {pipeline: Model, stage: train}",
        "depends twice",
        offset=1,
    ),
    mutation(
        "dependency on an unknown pipeline",
        "{pipeline: model, stage: train}\n",
        "{pipeline: modle, stage: train}\n",
        'Did you mean "model"',
    ),
    mutation(
        "dependency on an unknown stage",
        "{pipeline: model, stage: train}\n",
        "{pipeline: model, stage: trian}\n",
        'Did you mean "train"',
    ),
    mutation(
        "dependency on itself",
        "{pipeline: model, stage: train}\n",
        "{pipeline: edgetpu, stage: compile}\n",
        "depends on itself",
        offset=-4,
    ),
    mutation("no group", "  edgetpu:\n    group: edge\n", "  edgetpu:\n", 'has no "group"'),
    mutation("pipeline twice", "  edgetpu:\n    group", "  Model:\n    group", 'pipeline "Model" occurs twice'),
    mutation(
        "material twice, in capitals",
        "model: {pipeline: model, stage: train}",
        "Code: {pipeline: model, stage: train}",
        'material "Code" occurs twice',
    ),
    mutation("stage twice", "- hardware:", "- Compile:", 'stage "Compile" occurs twice'),
    mutation("label of no material", "${data}-${env:JOBS}", "${dta}-${COUNT}", 'Did you mean "data"'),
    mutation(
        "resources and elastic profile",
        "elastic_profile_id: cpu",
        "elastic_profile_id: cpu\n              resources: [a]",
        "beside",
        offset=1,
    ),
    mutation(
        "artifact twice",
        "artifacts: [{build: {source: build/model}}]",
        "artifacts: [{build: {source: build/model}}, {build: {source: build/model}}]",
        "published twice",
    ),
    mutation(
        "tab of nothing",
        "tabs: {report: reports/reports/index.html}",
        "tabs: {report: reports/index.html}",
        "which is nothing in the artifacts",
    ),
    mutation(
        "tab of a folder", "tabs: {report: reports/reports/index.html}", "tabs: {report: reports}", "which is a folder"
    ),
    mutation("file fetched as a folder", "is_file: yes", "is_file: no", 'Add "is_file: true"', offset=-1),
    mutation(
        "folder fetched as a file",
        "source: records, destination: build}",
        "source: records, is_file: on, destination: build}",
        'Remove "is_file"',
    ),
    mutation(
        "artifacts that are gone before a late approval",
        "          keep_artifacts: true\n",
        "",
        "may be deleted before this job, which waits for the approval of",
        offset=15,
    ),
    mutation(
        "user in the address and beside it",
        '    git: "#{dataset_url}"\n',
        '    git: "https://me@example.invalid/dataset.git"\n    username: me\n',
        "has a user in its address",
        offset=1,
    ),
    mutation("environment of an unknown pipeline", "pipelines: [edgetpu]", "pipelines: [edgtpu]", 'mean "edgetpu"'),
    mutation(
        "pipeline twice in an environment", "pipelines: [edgetpu]", "pipelines: [model, Model]", '"bench" already'
    ),
    mutation(
        "pipeline in two environments",
        "    environment_variables: {PLACE: lab}\n",
        "    environment_variables: {PLACE: lab}\n  hall:\n    pipelines: [EdgeTPU]\n",
        'is in environment "bench" already',
        offset=2,
    ),
    mutation("variable plain and secure", 'UNSET: ""', 'JOBS: ""', 'the variable "JOBS" of "dataset" occurs twice'),
    mutation("variable twice but for case", "JOBS: 010", "login: x", 'the variable "LOGIN" of', offset=1),
    mutation("environment's variable twice", "{PLACE: lab}", "{PLACE: lab, place: b}", 'variable "place" of "bench"'),
    mutation(
        "fetch of nothing published", "source: model, artifact", "source: modle, artifact", 'publishes no "modle"'
    ),
    mutation(
        "fetch by the path on the agent",
        "source: reports/reports/validate.json",
        "source: build/reports/validate.json",
        "destination first",
    ),
    mutation(
        "fetch beside the pattern",
        "source: records, destination: build",
        "source: records/labels.txt, destination: build",
        'publishes no "records/labels.txt"',
    ),
    mutation("fetch from an unknown stage", "{stage: compile, job", "{stage: compiel, job", 'Did you mean "compile"'),
    mutation("fetch from an unknown job", "job: compile, source", "job: compiled, source", 'Did you mean "compile"'),
    mutation(
        "fetch from an unknown pipeline", "pipeline: dataset/model", "pipeline: datset/model", 'Did you mean "dataset"'
    ),
    mutation("fetch from no ancestor", "pipeline: dataset/model", "pipeline: dataset", "is no material of"),
    mutation(
        "fetch from a later stage",
        "{stage: compile, job: compile",
        "{stage: hardware, job: coral",
        "is not done before this job",
    ),
    mutation(
        "fetch from a stage after the dependency's",
        "records: {pipeline: dataset, stage: records",
        "records: {pipeline: dataset, stage: validate",
        "is not done before this job",
        offset=12,
    ),
    mutation(
        "command with spaces",
        "{command: ci/inv, arguments: [doctor, --profile, check]",
        "{command: ci/inv doctor",
        "one program with spaces",
    ),
    mutation(
        "variable without a shell", '--since, "#{since}"', "--since, $GO_REVISION", '"$G", which means nothing here'
    ),
    mutation(
        "pipe without a shell",
        '"echo $HOME && true"]',
        '"echo a"]}\n                - exec: {command: ls, arguments: ["|", wc]',
        "starts programs without a shell",
        offset=1,
    ),
    mutation(
        "glob without a shell",
        'bash, arguments: [-c, "echo $HOME && true"]',
        'ls, arguments: ["*.xml"]',
        "starts programs without a shell",
    ),
    mutation("unknown task", "[records, --shards", "[record, --shards", 'Did you mean "records"'),
    mutation("unknown flag", "[compile, --min-runtime-version", "[compile, --min-version", "--min-version"),
    mutation("flag without value", ', --min-runtime-version, "14"]', ", --min-runtime-version]", "not understood"),
    mutation("unknown profile", "[--profile, check,", "[--profile, chekc,", 'there is no profile "chekc"'),
    mutation("no task at all", "arguments: [hardware, --max-latency-ms=15]", "arguments: [--echo]", "runs no task"),
]
