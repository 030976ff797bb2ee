"""A management controller for tests: sushy-tools' emulator over TLS, `python emulator.py FILE`, its settings in JSON.

Real controllers tell a serial number and a model, and a boot override that is for once and is used up by a boot;
sushy-tools' fake driver tells neither, so both are added to what it answers.
"""

import json
import sys
from pathlib import Path
from typing import Any

from flask import request
from jinja2 import ChoiceLoader, DictLoader
from sushy_tools.emulator import main as sushy
from sushy_tools.emulator.resources.systems import fakedriver

_OFTEN = '"BootSourceOverrideEnabled": "Continuous"'


def serve(settings: dict[str, Any]) -> None:
    """Serve until killed."""
    app = sushy.app
    app.config.update(settings["sushy"])
    app.configure()
    source = (Path(sushy.__file__).parent / "templates" / "system.json").read_text()
    assert source.count(_OFTEN) == 2
    told = '"SerialNumber": {{ told(uuid).serial|tojson }}, "Model": {{ told(uuid).model|tojson }}, "Name":'
    source = source.replace('"Name":', told, 1).replace(_OFTEN, f"{_OFTEN[:-12]}{{{{ often(uuid)|tojson }}}}")
    app.jinja_loader = ChoiceLoader([DictLoader({"system.json": source}), app.jinja_loader])
    app.jinja_env.globals.update(told=lambda uuid: settings["told"][uuid], often=lambda uuid: often(app, uuid))
    app.before_request(lambda: keep_often(app))
    if "delay" in settings:
        fakedriver.random.randint = lambda *_: settings["delay"]  # type: ignore[attr-defined]
    patch_boot()
    sys.argv = ["emulator"]
    sushy.main()


def often(app: Any, uuid: str) -> str:  # noqa: ANN401
    """Give for how often a machine's boot override is."""
    return str(app.systems._get(uuid).get("often", "Disabled"))


def keep_often(app: Any) -> None:  # noqa: ANN401
    """Keep what sushy leaves out of a change of what is booted from."""
    parts = request.path.strip("/").split("/")
    if request.method == "PATCH" and len(parts) == 4 and parts[2] == "Systems":
        kept = (request.json or {}).get("Boot", {}).get("BootSourceOverrideEnabled")
        if kept:
            app.systems._update(parts[3], often=kept)


def patch_boot() -> None:
    """Have a machine that comes on use its override up."""
    update = fakedriver.FakeDriver._update

    def used_up(self: Any, system: Any, **changes: Any) -> None:  # noqa: ANN401
        one = self._get(system) if isinstance(system, str) else system
        if changes.get("power_state") == "On" and one.get("often") == "Once":
            changes |= {"often": "Disabled", "booted_from": one.get("boot_device", "Hdd")}
        update(self, one, **changes)

    fakedriver.FakeDriver._update = used_up


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
