"""What can be asked of hosts, in the words of the command line."""

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


class Reboot(StrEnum):
    """When an upgrade boots a host anew: where something of it waits for that, always, or never."""

    NEEDED = "needed"
    ALWAYS = "always"
    NEVER = "never"
