"""Formats of audio files: what the header says, what is really there, and the libraries that decode and encode it."""


class AudioError(ValueError):
    """A file that is not the expected audio; the message names it."""
