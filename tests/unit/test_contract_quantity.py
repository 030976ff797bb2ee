"""Quantities are read and written as Kubernetes reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.contract.model import Bytes, Millicores
from tenantry.contract.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu


@pytest.mark.parametrize(
    ("text", "millicores"),
    [
        ("1", 1000),
        (2, 2000),
        (0.5, 500),
        ("0.5", 500),
        ("250m", 250),
        ("1.5", 1500),
        ("100u", 1),
        ("1k", 1_000_000),
        ("1e2", 100_000),
    ],
)
def test_cpu_is_thousandths_rounded_up(text: str | float, millicores: int) -> None:
    assert parse_cpu(text) == millicores


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1Ki", 1024),
        ("1.5Gi", 3 << 29),
        ("1G", 10**9),
        ("1e3", 1000),
        ("100m", 1),
        ("1Ei", 1 << 60),
        ("12345", 12345),
    ],
)
def test_bytes_take_binary_and_decimal_suffixes(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "Gi", "1gi", "1GiB", "0x10", "1_000", "nan", "inf", "1e999", "٣"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="isn't a quantity"):
        parse_bytes(text)


@given(st.integers(0, 1 << 62))
def test_what_is_written_reads_back_as_the_same(amount: int) -> None:
    assert parse_bytes(format_bytes(Bytes(amount))) == amount
    assert parse_cpu(format_cpu(Millicores(amount % 10**12))) == amount % 10**12


def test_the_written_form_is_the_shortest() -> None:
    assert [format_bytes(Bytes(n)) for n in (0, 1023, 1024, 3 << 29, 1 << 40)] == ["0", "1023", "1Ki", "1536Mi", "1Ti"]
    assert [format_cpu(Millicores(n)) for n in (0, 250, 1000, 1500)] == ["0", "250m", "1", "1500m"]
