"""What is to be judged, wherever it comes from: manifests, requests, facts of hosts, what Pulumi says of a stack."""
