"""Logs without secrets, and request ids: everything written passes one redactor, tracebacks included."""

import logging
import re
import sys
import time
from contextvars import ContextVar
from secrets import token_hex

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUOTE = r"\\*[\"']?"  # as JSON, as Python, and as either inside a JSON string
SECRETS = (
    (re.compile(r"(?i)(api_key=)[^&\s\"'\\]+"), r"\1[redacted]"),
    (
        re.compile(
            rf"(?i)({QUOTE}(?:api_key|secret_key|imap_password|password){QUOTE}\s*[:=]\s*{QUOTE})[^\"'&\s,}}\\]+"
        ),
        r"\1[redacted]",
    ),
    (re.compile(r"(/hooks/)[^/\s?\"'\\]+"), r"\1[redacted]"),
    (re.compile(r"\bobx_[a-z]+_[0-9A-Za-z]+"), "obx_[redacted]"),
    (re.compile(r"(?i)(bearer )[^\s\"'\\,}]+"), r"\1[redacted]"),
    (re.compile(r"(postgres(?:ql)?://[^:/@\s]+:)[^@\s]+@"), r"\1[redacted]@"),
    (re.compile(r"\bv1:(?:token|hook|job):[^\s\"'\\,}]+"), "[ticket]"),
)

request_id_var: ContextVar[str] = ContextVar("request_id", default="")
access_log = structlog.stdlib.get_logger("outbound.access")


def redact(text: str) -> str:
    """Return the text with every known shape of secret taken out."""
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Redacts the finished line, so that nothing that was interpolated or raised gets past."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line as it is written."""
        return redact(super().format(record))


def configure_logging(log_format: str = "json", level: int = logging.INFO) -> None:
    """Send the logs of every library through structlog to standard error, redacted."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        RedactingFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "procrastinate", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class RequestLog:
    """Outermost ASGI layer: gives each request its id, echoes a safe one, and writes one line when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        offered = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        request_id = offered if SAFE_REQUEST_ID.fullmatch(offered) else f"req_{token_hex(12)}"
        request_id_var.set(request_id)
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            access_log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                request_id=request_id,
            )
