"""The rules of the review, by what they look at: boxes, classes, names, pictures, pixels, the whole set."""
