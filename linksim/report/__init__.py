"""What a reader gets from a run: figures with the numbers they show, drawn from the results table alone."""
