"""The YAML schema of a scenario and its errors: frozen models, nothing else."""
