"""The version, as installed; in a module of its own because looking it up takes longer than importing tidegate."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("tidegate")
except PackageNotFoundError:
    VERSION = "0.0.0"
__version__ = VERSION
