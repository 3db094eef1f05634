"""The version, as installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("tidegate")
except PackageNotFoundError:
    VERSION = "0.0.0"
