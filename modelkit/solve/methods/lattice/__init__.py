"""The methods ``blocks`` and ``sparse``: any lattice, by Green functions."""
