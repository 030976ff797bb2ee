"""What buckets hold is what was written to them, all versions, on a store that tells it and on one that doesn't."""

import time

from store_servers import Store

from tenantry.objectstore.contents.usage import Held, read_held
from tenantry.objectstore.store import Store as Client

TOLD_SECONDS = 60
"""How long a store may take to count what was written."""


def test_a_bucket_holds_what_was_written_to_it(store: Store, client: Client) -> None:
    for name in ("held-full", "held-empty"):
        client.s3.create_bucket(Bucket=name)
    client.s3.put_bucket_versioning(Bucket="held-full", VersioningConfiguration={"Status": "Enabled"})
    for size in (1000, 2000):
        client.s3.put_object(Bucket="held-full", Key="one", Body=bytes(size))
    client.s3.put_object(Bucket="held-full", Key="two", Body=bytes(500))
    names = ["held-empty", "held-full", "not-there"]
    wanted = {"held-empty": Held(0, 0), "held-full": Held(3, 3500)}
    deadline = time.monotonic() + TOLD_SECONDS
    while (found := read_held(store.site, names, count=True)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    told = read_held(store.site, names, count=False)
    assert told == (wanted if store.kind == "rgw" else dict.fromkeys(wanted))
