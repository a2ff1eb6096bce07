"""Models as arrays: safe files, checks, federating, evaluating (NumPy but in ``frameworks``)."""
