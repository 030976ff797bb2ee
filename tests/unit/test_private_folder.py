"""A process's folder for keys is its own, ends with it, and one that was killed leaves it to the next to remove."""

import subprocess
import sys
from pathlib import Path

from tenantry.fleet.engine.private import private_folder

HOLDS = """\
import sys, time
from pathlib import Path
from tenantry.fleet.engine.private import private_folder
with private_folder(Path(sys.argv[1])) as folder:
    (folder / "kubeconfig").write_text("key")
    print(folder, flush=True)
    time.sleep(600)
"""


def folders(parent: Path) -> list[Path]:
    """Give the folders that are there, without locks."""
    return [path for path in parent.iterdir() if path.is_dir()]


def test_a_folder_is_for_its_owner_alone_and_ends_with_its_use(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "kubeconfig").write_text("key")
    assert not folders(tmp_path)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_kept(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with private_folder(tmp_path) as folder:
            assert sorted(folders(tmp_path)) == sorted([left, folder])
        process.kill()
    assert (left / "kubeconfig").is_file()
    with private_folder(tmp_path) as folder:
        assert folders(tmp_path) == [folder]
