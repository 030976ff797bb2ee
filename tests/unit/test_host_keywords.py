"""Keywords of a package's file: one value each, in its place, and nothing else of the file changes."""

import ansible.module_utils
import pytest

from tenantry.data import playbook_dir

ansible.module_utils.__path__.append(str(playbook_dir() / "module_utils"))

from ansible.module_utils import host_files as files  # noqa: E402

COMMENT = "# UMASK is what useradd takes.\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{COMMENT}UMASK\t\t022\nUID_MIN 1000\n", f"{COMMENT}UMASK\t027\nUID_MIN 1000\n"),
        (f"{COMMENT}UID_MIN 1000\n", f"{COMMENT}UID_MIN 1000\nUMASK\t027\n"),
        ("UMASK 077\nUID_MIN 1000\n  UMASK 022\n", "UMASK\t027\nUID_MIN 1000\n"),
        ("UMASK\nUMASKS 022", "UMASK\t027\nUMASKS 022\n"),
        ("", "UMASK\t027\n"),
    ],
    ids=["another value", "not there", "twice", "no value, no last line's end", "empty"],
)
def test_a_keyword_gets_one_value_in_its_place(before: str, after: str) -> None:
    assert files.keyword_values(before, "UMASK") != ["027"]
    assert files.with_keyword(before, "UMASK", "027") == after
    assert files.keyword_values(after, "UMASK") == ["027"]
