"""What each network is, and the weights it starts from. Verbs: checkpoint, configure."""
