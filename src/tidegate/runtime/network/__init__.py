"""Every layer of a network in numpy: the same spec, the same weights, the same figures as torch."""
