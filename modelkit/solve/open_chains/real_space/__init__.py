"""What methods in real space share: places, the covariance equation, its currents, what is conserved."""
