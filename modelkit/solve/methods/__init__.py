"""Ways to solve a conductor behind one interface: trees site by site, lattices by factorisation."""
