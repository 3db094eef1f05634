"""What models that write texts share: translators, transcribers and captioners."""
