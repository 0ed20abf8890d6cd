"""Starts here: `coach` and `python -m coach` are the same program. The commands are in `coach.cli`."""

from coach.cli.program import main

if __name__ == "__main__":
    main()
