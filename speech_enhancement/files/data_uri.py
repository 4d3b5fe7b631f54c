"""Files within a page: a data URI holds the file itself in place of an address."""

import base64


def data_uri(media_type: str, content: bytes) -> str:
    """Encode a file as a data URI (RFC 2397).

    Example:
        >>> data_uri("text/plain", b"hello")
        'data:text/plain;base64,aGVsbG8='
    """
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
