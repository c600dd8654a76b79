"""HMAC-SHA-256 of a manifest by MIGRATIONOPS["SIGNING_KEYS"].

So that neither a damaged manifest nor one edited by hand is taken for the truth.
The first key signs and all verify: a new key is put first, the old one kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from migrationops.conf import Conf
from migrationops.exceptions import ConfigurationError, ManifestError


def keys(conf: Conf) -> tuple[str, ...]:
    """Return SIGNING_KEYS; outside protected environments one is derived.

    Raises ConfigurationError when a protected environment has none.
    """
    if conf.signing_keys:
        return conf.signing_keys
    if conf.environment.is_protected:
        raise ConfigurationError(
            'MIGRATIONOPS["SIGNING_KEYS"] is required in a protected environment. '
            "Nothing was changed.",
            remedy="Set it to a list of long random strings; the first one signs.",
        )
    return (f"migrationops:{conf.environment}",)


def key_id(key: str) -> str:
    """Return a name for the key that does not give it away."""
    return hashlib.sha256(b"migrationops key id:" + key.encode()).hexdigest()[:8]


def signature(data: Mapping[str, Any], key: str) -> str:
    """Return the signature of these JSON values, in hex."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def check(data: Mapping[str, Any], conf: Conf) -> None:
    """Raise ManifestError unless one of our keys signed these values."""
    unsigned = {**data, "signature": ""}
    given = str(data.get("signature")).encode()
    for key in keys(conf):
        if hmac.compare_digest(signature(unsigned, key).encode(), given):
            return
    known = data.get("key_id") in {key_id(key) for key in keys(conf)}
    raise ManifestError(
        ("The manifest was altered after it was signed" if known else _unknown(data))
        + "; nothing was changed.",
        remedy="Use another backup. If you know whence this one comes, restore --trust "
        "takes it as it is.",
    )


def _unknown(data: Mapping[str, Any]) -> str:
    name = data.get("key_id") or "no key"
    return f"The manifest is signed with {name}, which is not among SIGNING_KEYS"
