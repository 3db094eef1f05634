"""Small files for tests of reading."""

import numpy as np


def text_file(folder, text, encoding="utf-8", name="a.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def days(count, start="2024-01-01"):
    return [str(np.datetime64(start) + i) for i in range(count)]


def kinds(table):
    return {note.kind for note in table.notes}
