"""Starts the page: `python app.py` is `coach serve`. Everything else is in `coach/`."""

from coach.cli.program import main

if __name__ == "__main__":
    main(["serve"])
