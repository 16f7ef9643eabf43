"""What every room stands on: values of the field, errors, settings, the workspace. Standard library only."""
