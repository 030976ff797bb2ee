"""Running `tenantry check` as a security team's CI does."""

import subprocess
import sys
from pathlib import Path

DIGEST = "0" * 64
"""The digest of an image, for manifests that are to be sound."""
PRIVILEGED = f"""\
# A comment, and then
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: main, labels: {{app.kubernetes.io/name: web}}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
        - name: app
          image: registry.gov.example/app@sha256:{DIGEST}
          readinessProbe: {{tcpSocket: {{port: 8080}}}}
          livenessProbe: {{tcpSocket: {{port: 8080}}}}
          securityContext:
            privileged: yes
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
"""
"""A Deployment that is sound but for one thing."""


def check(*arguments: str | Path, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end; the caller looks at exit code and output."""
    command = [sys.executable, "-m", "tenantry", "check", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=cwd, timeout=60)
