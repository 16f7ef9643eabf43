"""The champion: the model in use, its record on a branch of the dataset, and what it takes to replace it."""
