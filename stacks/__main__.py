"""The Pulumi program: one stack, one tenant. The stack's name is the tenant's id.

`tenantry apply` runs the same program inline, for many tenants at once. With a full Pulumi installation,
`eval "$(tenantry env)"` and then `pulumi up --stack TENANT_ID` do it for one, on the same state. The requests are those
of the folder that `pulumi config set government FOLDER` names; by default, the example's.
"""

from pathlib import Path

import pulumi

from tenantry.data import example_dir
from tenantry.fleet.applying.apply import admit
from tenantry.fleet.engine.program import tenant_program
from tenantry.fleet.selection import select

government = Path(pulumi.Config().get("government") or example_dir())
(planned,) = admit(select([pulumi.get_stack()], government))
tenant_program(planned.rendered, planned.site.name, planned.keys.generation)()
