"""What runs the project's own work: the set-up behind ``ci/inv``, the locks, CI's tasks; no part of edgetrain."""
