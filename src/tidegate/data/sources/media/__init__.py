"""Sound, pictures, videos and skeletons as sequences."""
