"""The keys of an object store's administrator: made once, kept from others, and never an example's."""

from pathlib import Path

import pytest
from test_inventory import good, write

from tenantry.contract.model import Inventory
from tenantry.hosts.administrator import ensure_keys, judge_administrator, keys_file
from tenantry.hosts.reading import read_inventory
from tenantry.paths import site_dir
from tenantry.problems import InputError
from tenantry.storekeys import StoreKeys, new_keys, write_keys

GOOD = new_keys()


def inventory(folder: Path, **settings: object) -> Inventory:
    """Give an inventory whose object store is told where keys are."""
    document = good()
    document["spec"]["hosts"][4]["settings"] = {"objectstore": settings}
    return read_inventory(write(folder, document))


def test_keys_are_made_once_and_are_the_owner_s_alone(tmp_path: Path) -> None:
    made, said = ensure_keys(tmp_path / "onprem", "", "onprem")
    file = keys_file(tmp_path / "onprem", "")
    assert str(file) in said
    assert made.secret not in said
    assert made.secret not in repr(made)
    assert file.stat().st_mode & 0o077 == 0
    assert ensure_keys(tmp_path / "onprem", "", "onprem") == (made, "")
    assert new_keys() != new_keys()


def test_a_file_that_is_named_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ensure_keys(tmp_path, str(tmp_path / "named"), "onprem")
    assert not (tmp_path / "named").exists()


def test_keys_that_are_made_or_fit_are_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTRY_STATE", str(tmp_path))
    judge_administrator(inventory(tmp_path))
    ensure_keys(site_dir("onprem"), "", "onprem")
    judge_administrator(inventory(tmp_path))
    write_keys(tmp_path / "named", "onprem", GOOD)
    judge_administrator(inventory(tmp_path, objectstore_keys_file=str(tmp_path / "named")))


UNFIT = {
    "versitygw's own": (StoreKeys("user", "password"), "16 to 128"),
    "an example's": (StoreKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "an example"),
    "short": (StoreKeys(GOOD.access, "minioadmin"), "32 to 128"),
    "one word, again and again": (StoreKeys(GOOD.access, "password" * 5), "can be guessed"),
    "with another line": (StoreKeys(GOOD.access, GOOD.secret + " x"), "32 to 128"),
    "in each other": (StoreKeys("ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP"), "can be guessed"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_default_keys_are_refused(name: str, tmp_path: Path) -> None:
    keys, said = UNFIT[name]
    write_keys(tmp_path / "named", "onprem", keys)
    with pytest.raises(InputError, match="TEN-758") as refused:
        judge_administrator(inventory(tmp_path, objectstore_keys_file=str(tmp_path / "named")))
    assert "host-5" in str(refused.value)
    assert said in str(refused.value)
    assert keys.secret not in str(refused.value)


def test_keys_that_others_read_or_that_are_not_there_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "named"
    with pytest.raises(InputError, match=r"TEN-758 host-5: objectstore_keys_file .* isn't there"):
        judge_administrator(inventory(tmp_path, objectstore_keys_file=str(file)))
    write_keys(file, "onprem", GOOD)
    file.chmod(0o640)
    with pytest.raises(InputError, match="mode 0640"):
        judge_administrator(inventory(tmp_path, objectstore_keys_file=str(file)))
    file.chmod(0o600)
    file.write_text("[hosted]\naws_access_key_id = A\n")
    with pytest.raises(InputError, match=r"no profile onprem"):
        judge_administrator(inventory(tmp_path, objectstore_keys_file=str(file)))
