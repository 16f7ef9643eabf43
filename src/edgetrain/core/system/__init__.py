"""What the operating system does for us: whole files, programs, locks, worker processes, and who hears of progress."""
