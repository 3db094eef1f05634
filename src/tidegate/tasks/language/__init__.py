"""LanguageModel: what comes next in a text."""
