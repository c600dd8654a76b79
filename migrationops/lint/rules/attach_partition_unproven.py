"""Attaching the partition reads rows behind ACCESS EXCLUSIVE."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AttachPartitionUnproven(WorkRule):
    id = "attach-partition-unproven"
    title = "Attaching the partition reads rows behind ACCESS EXCLUSIVE"
    problem = (
        "Rows of the new partition, or of DEFAULT, are read to see that they fit. A "
        "validated CHECK on the partition that implies its bound (with NOT NULL), and "
        "one on DEFAULT that excludes it, save that. Indexes that the partition lacks "
        "are built too."
    )
    remedy = """\
ALTER TABLE orders_2026 ADD CONSTRAINT fits CHECK (
    day IS NOT NULL AND day >= '2026-01-01' AND day < '2027-01-01') NOT VALID;
-- next migration:
ALTER TABLE orders_2026 VALIDATE CONSTRAINT fits;
ALTER TABLE orders ATTACH PARTITION orders_2026
    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE orders_2026 DROP CONSTRAINT fits;
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("attach-partition-unproven",)


RULE = AttachPartitionUnproven()
