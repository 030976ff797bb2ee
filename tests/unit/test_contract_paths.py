"""Which files are read: names, links, folders and what isn't a file, each read or told, and none passed over."""

import os
from pathlib import Path

import pytest

from examples import MINIMAL, write
from tenantry.contract.documents import read_documents
from tenantry.contract.reading.reader import read_file
from tenantry.problems import InputError


def test_a_link_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    write(tmp_path, "secret.yaml", MINIMAL)
    (tree / "a.yaml").symlink_to(tmp_path / "secret.yaml")
    write(tree, "b.yaml", MINIMAL)
    (tree / "c.yaml").symlink_to(tree / "b.yaml")
    assert [fault.code for fault in read_file(tree / "a.yaml", tree)[1]] == ["TEN-102"]
    assert read_file(tree / "c.yaml", tree)[1] == ()


def test_a_link_out_of_the_tree_is_refused_when_it_is_named_too(tmp_path: Path) -> None:
    outside = write(tmp_path, "secret.yaml", MINIMAL)
    government = tmp_path / "government"
    (government / "sites").mkdir(parents=True)
    (government / "tenants").mkdir()
    write(government, "shared.yaml", MINIMAL)
    for folder in (government / "tenants", tmp_path / "elsewhere"):
        folder.mkdir(exist_ok=True)
        link = folder / "a.yaml"
        link.symlink_to(outside)
        assert [fault.code for fault in read_documents([link])[1]] == ["TEN-102"]
        link.unlink()
    # Inside the government it may lead where it likes.
    link = government / "tenants" / "b.yaml"
    link.symlink_to(government / "shared.yaml")
    assert read_documents([link])[1] == []
    assert read_documents([government / "tenants"])[1] == []


def test_links_to_folders_and_closed_folders_are_not_passed_over(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "inner").mkdir(parents=True)
    outside.mkdir()
    (tree / "away").symlink_to(outside)
    (tree / "beside").symlink_to(tree / "inner")
    (tree / "round").symlink_to(tree)
    (tree / "itself").symlink_to(tree / "itself")
    (tree / "loop.yaml").symlink_to(tree / "loop.yaml")
    (tree / "nowhere.yaml").symlink_to(tree / "gone.yaml")
    _, problems = read_documents([tree])
    assert {Path(problem.file).name: problem.code for problem in problems} == {
        "away": "TEN-102",
        "beside": "TEN-100",
        "round": "TEN-100",
        "loop.yaml": "TEN-100",
        "nowhere.yaml": "TEN-100",
    }


def test_folders_without_end_are_not_walked_to_it(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(150):
        folder /= "a"
        folder.mkdir()
    with pytest.raises(InputError, match="TEN-101"):
        read_documents([tmp_path])


def test_hidden_files_are_not_ours(tmp_path: Path) -> None:
    write(tmp_path, ".linters.yaml", "rules: []\n")
    write(tmp_path, "a.yaml", MINIMAL)
    documents, problems = read_documents([tmp_path])
    assert (len(documents.requests), problems) == (1, [])


def test_what_is_only_around_may_hold_other_peoples_yaml(tmp_path: Path) -> None:
    around = tmp_path / "around"
    around.mkdir()
    write(around, "compose.yaml", "services: {}\n---\n")
    path = write(tmp_path, "a.yaml", MINIMAL)
    assert read_documents([path], context=[around])[1] == []
    assert [problem.code for problem in read_documents([around])[1]] == ["TEN-112", "TEN-111"]
    write(around, "ours.yaml", MINIMAL.replace("tenantry.dev/v1", "tenantry.dev/v9"))
    assert [problem.code for problem in read_documents([path], context=[around])[1]] == ["TEN-112"]


def test_a_name_that_is_not_there_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "tenants").mkdir()
    write(tmp_path / "tenants", "vaccine-records.yaml", MINIMAL)
    for wrong in ("tenants/vacine-records.yaml", "tenant/vaccine-records.yaml"):
        _, (fault,) = read_file(tmp_path / wrong)
        assert fault.code == "TEN-100"
        assert "tenants" in fault.fix
        assert "if that was meant" in fault.fix
    _, (fault,) = read_file(tmp_path / "nothing-like-it.yaml")
    assert (fault.message, fault.fix) == ("there is no such file", "check its name")


def test_a_file_whose_name_is_not_text_is_read_and_named(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"a\xff.yaml")
    odd.write_text("a: [")
    _, (fault,) = read_file(odd)
    assert (fault.code, fault.file.encode()) == ("TEN-105", f"{tmp_path}/a\\xff.yaml".encode())


def test_a_files_name_does_not_steer_a_terminal(tmp_path: Path) -> None:
    _, (fault,) = read_file(write(tmp_path, "a\x1b[2J\nTEN-000 fine.yaml", "a: ["))
    assert str(fault).splitlines()[0].isprintable()
    assert "a\\u001b[2J\\u000aTEN-000 fine.yaml" in fault.file


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    for path in (
        tmp_path / "pipe.yaml",
        tmp_path / "absent.yaml",
        tmp_path,
        Path("/dev/zero"),
        tmp_path / "loop.yaml",
        tmp_path / ("x" * 300),
        tmp_path / ("x/" * 3000),
    ):
        documents, (fault,) = read_file(path)
        assert (documents, fault.code) == ((), "TEN-100")
