"""A process that publishes: `python publisher.py STORE RUN...`, one version after another, each said once it is in."""

import os
import resource
import sys

from tidegate.core.errors import OutputError
from tidegate.deploy.mlflow import open_store
from tidegate.deploy.publish import publish


def main(store: str, *runs: str) -> None:
    """Publish each run; with LARGEST_FILE a file that is larger cannot be written, as on a full disk."""
    if "LARGEST_FILE" in os.environ:
        size = int(os.environ["LARGEST_FILE"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    print("ready", flush=True)
    for run in runs:
        try:
            print(publish(run, open_store(store), "load").id, flush=True)
        except OutputError as error:
            print(f"refused: {error}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
