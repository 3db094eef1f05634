"""The commands of the command line, a module for each verb or for a few that belong together."""
