"""Networks in torch, built from their spec."""
