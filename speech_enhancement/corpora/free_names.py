"""Names of new files, each given only once."""


class FreeNames:
    """Names that are not taken yet; a number is added to one that is.

    Example:
        >>> free = FreeNames()
        >>> [free.take(name) for name in ("a", "a~2", "a", "A")]
        ['a', 'a~2', 'a~3', 'A~4']
    """

    def __init__(self):
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return the name, or the name with the next number that is free."""
        # Some file systems do not tell capital letters from small ones.
        folded, free = name.casefold(), name
        while free.casefold() in self._taken:
            self._counts[folded] = self._counts.get(folded, 1) + 1
            free = f"{name}~{self._counts[folded]}"
        self._taken.add(free.casefold())
        return free
