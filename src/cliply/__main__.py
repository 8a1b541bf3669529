"""`python -m cliply` is `cliply`."""

from cliply.cli.start import main

if __name__ == "__main__":
    main()
