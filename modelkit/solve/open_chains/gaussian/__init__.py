"""Gaussian states: the covariance equation, steady and in time, of a chain or of a cell."""
