"""A detector with numpy and the native engine alone: whole tables, and streams."""
