"""The baseline as a Pulumi policy pack: what a stack asks for, judged as `tenantry check` judges manifests."""
