"""`python -m reverie` is the same as `reverie`."""

import sys

from reverie.cli import main

if __name__ == "__main__":
    sys.exit(main())
