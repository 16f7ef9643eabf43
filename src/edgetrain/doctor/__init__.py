"""What a machine can do for a profile, what is missing, and what helps. Verb: doctor."""
