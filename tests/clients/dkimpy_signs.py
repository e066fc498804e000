#!/usr/bin/python3
"""Signs a letter with dkimpy: `dkimpy_signs.py KEY ALGORITHM DOMAIN SELECTOR FORMS FIELDS LENGTH < LETTER`.

FORMS is like `relaxed/simple`, FIELDS like `from:from:subject`; LENGTH is `whole` or `length` (the tag l=).
Writes the field. Runs with the system's Python, for which Debian's python3-dkim is made.
"""

import sys

import dkim


def main():
    """Writes the field."""
    path, algorithm, domain, selector, forms, fields, length = sys.argv[1:]
    with open(path, "rb") as file:
        key = file.read()
    field = dkim.sign(
        sys.stdin.buffer.read(), selector.encode(), domain.encode(), key,
        canonicalize=tuple(form.encode() for form in forms.split("/")),
        include_headers=[field.encode() for field in fields.split(":")],
        length=length == "length", signature_algorithm=algorithm.encode(),
    )
    sys.stdout.buffer.write(field)


main()
