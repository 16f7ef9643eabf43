"""What edgetpu_compiler accepts, what it will make of a model, and what its file and its log say it did."""
