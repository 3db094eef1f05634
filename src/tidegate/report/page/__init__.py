"""What every page is made of: markup, words, the document, writing it."""
