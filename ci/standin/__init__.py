"""Programs that stand in for what exists on no test machine; whatever they make says so itself."""
