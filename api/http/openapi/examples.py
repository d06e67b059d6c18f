"""What a field holds in the documents' examples, by its name: words that many subjects share.

Others stand in their subject. Kinds with fixed values or a format need no entry.
"""

from typing import Any

COMMON: dict[str, Any] = {
    "capability": "email_outreach",
    "email": "maria@example.com",
    "expires_at": "2031-01-01T00:00:00Z",
    "lead_id": "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e14",
    "metadata": {"crm_id": "4711"},
    "name": "Birch",
    "next_cursor": None,
    "reason": None,
    "request_id": "req_40f25ac7dbe1be28837d0b23",
    "revoked_at": None,
    "token": "obx_co_MUxvW59ePmb9rqZgfWx2DnLpafGjJUS34fzM0x",
}
