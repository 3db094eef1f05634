"""What sequences are read from: arrays, tables, the archive's files, texts, sound, frames and joints."""
