"""The frameworks that a model may come from: a file each, imported only where it is needed."""
