"""Recipes, training channels and the loop that trains the learned systems, on any Keras backend."""
