"""The doors; the web framework lives here and nowhere else."""
