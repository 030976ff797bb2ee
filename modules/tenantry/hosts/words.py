"""What can be asked of machines, in the words of the command line."""

from enum import StrEnum


class Power(StrEnum):
    """What can be asked of a machine's power."""

    ON = "on"
    OFF = "off"
    RESTART = "restart"


class Boot(StrEnum):
    """What a machine can be asked to boot from, once."""

    PXE = "pxe"
    HDD = "hdd"
    CD = "cd"
