"""One of tenantry's modules works on a host at a time: what a run began there goes on when that run was killed."""

import fcntl
import os
import time

LOCK = "/run/tenantry.lock"
SECONDS = 900
"""How long what was begun may take; the packages of a host take a few minutes."""


def take_turn(module):
    """Wait until no other module works on the host, and keep others waiting until this process ends."""
    # Never closed: the kernel ends it with the process, however that ends, and no command that it runs inherits it.
    lock = os.open(LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    ends = time.monotonic() + SECONDS
    while not taken(lock):
        if time.monotonic() > ends:
            what = f"what another run began on the host hasn't ended in {SECONDS} s"
            module.fail_json(msg=what, fix=f"wait for it, or end it (lslocks names who holds {LOCK}); then run again")
        time.sleep(0.2)


def taken(lock):
    """Try to take it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
