"""What becomes of a trained model: versions in a store, what is packed to hand in, and what watches it in use."""
