"""`python -m gatepost` and the `gatepost` command."""

from gatepost.cli.app import main

if __name__ == "__main__":
    main()
