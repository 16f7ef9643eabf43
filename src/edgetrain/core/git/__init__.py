"""Git, asked as a program: what changed, what a file once held, and a branch that is written without a checkout."""
