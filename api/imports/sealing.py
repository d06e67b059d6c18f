"""What is kept of a list, and what became of its rows: each sealed to its row of the database, and to no more."""

import json
import zlib
from typing import Any
from uuid import UUID

from api.access.vault import SealedField, Vault
from api.db.ids import new_id

PIECE = 1024 * 1024


def seal_piece(vault: Vault, org_id: UUID, piece: bytes) -> dict[str, Any]:
    """Return the id and the body of a row that holds a piece of a list."""
    row_id = new_id()
    return {"id": row_id, "body": vault.seal(piece, SealedField(org_id, "import_chunks", "body", row_id))}


def open_piece(vault: Vault, org_id: UUID, row: dict[str, Any]) -> bytes:
    """Return the piece that a row holds. Raises DecryptionError for one that was moved."""
    return vault.unseal(bytes(row["body"]), SealedField(org_id, "import_chunks", "body", row["id"]))


def seal_results(vault: Vault, org_id: UUID, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the id and the body of a row that holds what became of some rows."""
    row_id = new_id()
    packed = zlib.compress(json.dumps(results, ensure_ascii=False, default=str).encode(), 1)
    return {"id": row_id, "body": vault.seal(packed, SealedField(org_id, "import_results", "body", row_id))}


def open_results(vault: Vault, org_id: UUID, row_id: UUID, body: bytes) -> list[dict[str, Any]]:
    """Return what became of some rows."""
    packed = vault.unseal(body, SealedField(org_id, "import_results", "body", row_id))
    return json.loads(zlib.decompress(packed))
