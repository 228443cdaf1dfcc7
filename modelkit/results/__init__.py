"""Results: outputs by name, labelled Datasets, audits, files."""
