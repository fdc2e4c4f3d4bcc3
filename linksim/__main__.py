"""`python -m linksim` is the command line."""

from linksim.cli import entry_point

if __name__ == "__main__":
    entry_point()
