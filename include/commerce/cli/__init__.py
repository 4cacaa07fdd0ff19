"""The command line: every job without Airflow. A command imports what it needs when it is called, so help is quick."""


def main() -> None:
    """Entry point of `commerce`."""
    from commerce.cli.app import run

    run()
