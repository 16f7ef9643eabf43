"""What the tests of ``ci`` share: the command line knows the project's tasks."""

from __future__ import annotations

import tasks
from ci.known_tasks import know_tasks

know_tasks(tasks.namespace)
