"""One verb per file: ``run(settings, workspace) -> Report``. Stages meet only in the files of the workspace."""
