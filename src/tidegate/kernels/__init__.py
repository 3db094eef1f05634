"""The native recurrent engine: its library, its torch operators, and the torch twins that run where it is absent."""
