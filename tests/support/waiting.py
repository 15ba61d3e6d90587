"""Waiting in tests, for at most so long that a loaded machine gets there too."""

import time


class Waiting:
    """For classes of tests: `until`."""

    def until(self, condition, what, within_s=90):
        """What `condition` returns as soon as that is true; fails, naming `what`, where it does not come about."""
        deadline = time.monotonic() + within_s
        while not (value := condition()):
            self.assertLess(time.monotonic(), deadline, "it did not come about: " + what)
            time.sleep(0.02)
        return value
