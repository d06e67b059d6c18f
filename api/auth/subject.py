"""Logging in and out, as the rest of the house must know it."""

from api.auth.routes import guarded, router
from api.http.subject import Subject

SUBJECT = Subject(
    company=(router, guarded),
    examples={
        "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6InMxIn0.eyJ0aWVyIjoiY29tcGFueSJ9.c2lnbmF0dXJl",
        "device_token": "obx_dev_b1946ac92492d2347c6235b4d2611184",
        "expires_in": 600,
        "organization": "alder",
        "password": "correct horse battery staple",
        "permissions": ["campaigns:read", "campaigns:write"],
        "url": "https://dashboards.example.com/rest/v1",
        "refresh_token": "obx_ref_5f4dcc3b5aa765d61d8327deb882cf99",
    },
)
