"""A steady state that was found: its currents, densities, linear response, audits and warnings."""
