"""Tasks: values and cases of each point, sweeps, derived results, the run itself."""
