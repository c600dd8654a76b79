from __future__ import annotations

import pytest

from migrationops.backups.archive import RowCounter

OUTPUT = rb"""--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.t (id, body) FROM stdin;
1	COPY public.other (id) FROM stdin;
2	\\.
3	one\ntwo
\.


COPY "W\xc3\xa9ird.name"."a ""quoted"" t"  FROM stdin;

\.

COPY public.zero (a) FROM stdin;
\.

SELECT pg_catalog.lo_open('16423', 131072);
SELECT pg_catalog.lowrite(0, '\x616263');
SELECT pg_catalog.lo_close(0);

SELECT pg_catalog.lo_open('16424', 131072);
SELECT pg_catalog.lo_close(0);
""".replace(rb"\xc3\xa9", b"\xc3\xa9")
EXPECTED = {
    "public.t": 3,
    'Wéird.name.a "quoted" t': 1,
    "public.zero": 0,
    "large": 2,
}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 64, 1 << 20])
def test_rows_are_counted_wherever_the_stream_is_cut(size: int) -> None:
    counter = RowCounter(large_objects="large")
    for start in range(0, len(OUTPUT), size):
        counter.feed(OUTPUT[start : start + size])
    assert dict(counter.rows) == EXPECTED


def test_a_stream_that_ends_early_has_fewer_rows() -> None:
    counter = RowCounter(large_objects="large")
    counter.feed(OUTPUT[: OUTPUT.index(b"3\tone")])
    assert counter.rows["public.t"] < 3
