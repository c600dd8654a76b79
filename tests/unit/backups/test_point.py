from __future__ import annotations

from migrationops.backups.point import RestorePoint

MIB = 1 << 20


def point(lsn: str, *, megabytes: int = 16) -> RestorePoint:
    return RestorePoint(
        name="here",
        lsn=lsn,
        timeline=2,
        system_id="1",
        databases=("app",),
        stanza="main",
        label="20260102-030405F",
        wal_segment_bytes=megabytes * MIB,
        cluster_bytes=1,
        repository_bytes=1,
        version="2.45",
    )


def test_the_wal_up_to_a_point_crosses_the_high_half() -> None:
    assert list(point("1/1000001").segments("0000000200000000000000FE")) == [
        "0000000200000000000000FE",
        "0000000200000000000000FF",
        "000000020000000100000000",
        "000000020000000100000001",
    ]


def test_a_point_at_the_very_end_of_a_file_needs_no_further_one() -> None:
    first = "000000020000000000000003"
    assert list(point("0/4000000").segments(first)) == [first]


def test_files_may_be_larger() -> None:
    found = list(
        point("0/90000000", megabytes=1024).segments("000000020000000000000000")
    )
    assert [name[16:] for name in found] == ["00000000", "00000001", "00000002"]
