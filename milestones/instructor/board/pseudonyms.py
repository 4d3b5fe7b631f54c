"""Pseudonyms of entries: a colour, a bird and a number, such as "amber heron 42"."""

import hashlib

_COLOURS = (
    *("amber", "azure", "black", "blue", "bronze", "brown", "copper", "coral", "crimson", "ebony", "emerald", "golden"),
    *("green", "grey", "indigo", "ivory", "jade", "lilac", "maroon", "ochre", "olive", "orange", "pearl", "pink"),
    *("purple", "red", "ruby", "silver", "teal", "violet", "white", "yellow"),
)
_BIRDS = (
    *("avocet", "blackbird", "bunting", "chiffchaff", "crane", "cuckoo", "dipper", "dunlin", "finch", "flycatcher"),
    *("goldcrest", "heron", "hoopoe", "jackdaw", "kestrel", "kingfisher", "lapwing", "lark", "linnet", "nightingale"),
    *("nuthatch", "oriole", "owl", "plover", "robin", "siskin", "skylark", "starling", "swift", "thrush", "wagtail"),
    "wren",
)


def pseudonym(entry_hash: str) -> str:
    """Draw a pseudonym from the hash of an entry's files; the same entry always gets the same one.

    There are 102,400, so that two of 60 entries share one in about 2 % of classes.
    """
    number = int.from_bytes(hashlib.sha256(entry_hash.encode()).digest()[:8], "big")
    number, bird = divmod(number, len(_BIRDS))
    number, colour = divmod(number, len(_COLOURS))
    return f"{_COLOURS[colour]} {_BIRDS[bird]} {number % 100}"
