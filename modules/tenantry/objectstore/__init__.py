"""Object storage as a Pulumi provider: buckets and identities on any store that speaks S3, IAM and STS."""
