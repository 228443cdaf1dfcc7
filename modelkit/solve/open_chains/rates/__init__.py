"""Translation-invariant chains: rate equations of their modes, the generalised Gibbs ensemble."""
