"""`python -m flexres`: the command line without the console script."""

from flexres.cli.main import run

if __name__ == "__main__":
    run()
