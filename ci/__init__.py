"""What runs the project's own work: the set-up behind ``ci/inv``, the locks, CI's tasks. Nothing here is part of edgetrain."""
