"""The Pulumi policy pack: the baseline beside this file, as `tenantry check` judges by it.

    pulumi preview --policy-pack "$TENANTRY_POLICY_PACK"      # after eval "$(tenantry env)"

docs/policy-pack.md tells what it judges, and how to set levels.
"""

from tenantry.pack.analyzer import serve

serve()
