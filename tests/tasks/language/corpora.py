"""Small corpora with a rule that can be learned."""

import numpy as np


def chain(count: int, seed: int = 0) -> str:
    """Words of a small language, each followed by one of two."""
    rules = "the:cat,dog cat:sat,ran dog:ran,hid sat:and,by ran:and,by hid:and,by and:the,the by:the,a a:cat,dog"
    after = {name: both.split(",") for name, both in (rule.split(":") for rule in rules.split())}
    rng, word, words = np.random.default_rng(seed), "the", []
    for _ in range(count):
        words.append(word)
        word = after[word][rng.integers(2)]
    lines = [" ".join(words[first : first + 8]) for first in range(0, count, 8)]
    return "\n".join(lines) + "\n"


QUICK = {"hidden_size": 24, "num_layers": 1, "max_epochs": 8, "window": 16, "batch_size": 8, "learning_rate": 0.02}
