"""Pure functions from tenant, site and baseline to Kubernetes manifests and object-store documents."""
