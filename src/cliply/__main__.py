"""`python -m cliply` is `cliply`."""

from cliply.cli.main import main

if __name__ == "__main__":
    main()
