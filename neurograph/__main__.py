"""`python -m neurograph` is the command line."""

from neurograph.cli import main

if __name__ == "__main__":
    main(prog_name="neurograph")
