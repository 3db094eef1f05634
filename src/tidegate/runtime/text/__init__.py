"""What models that write share without torch: beam search."""
