"""The Pulumi program: one stack, one tenant. The stack's name is the tenant's id.

`tenantry apply` runs the same program inline, for many tenants at once. With a full Pulumi installation,
`eval "$(tenantry env)"` and then `pulumi up --stack TENANT_ID` do it for one, on the same state. The requests are those
of the folder that `pulumi config set government FOLDER` names; by default, the example's.
"""

from pathlib import Path

import pulumi

from tenantry.data import example_dir
from tenantry.fleet.engine.program import tenant_program
from tenantry.fleet.selection import select
from tenantry.fleet.survey import survey
from tenantry.fleet.verdicts import say_retired
from tenantry.problems import InputError

government = Path(pulumi.Config().get("government") or example_dir())
(seen,) = survey(select([pulumi.get_stack()], government)).seen
if seen.error is not None:
    raise seen.error
if seen.retired is not None:
    raise InputError(say_retired(seen))
planned = seen.planned
tenant_program(planned.rendered, planned.site.name, planned.keys.generation)()
