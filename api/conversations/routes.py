"""`/v1/conversations`: what people wrote back, and answering them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.conversations import schemas
from api.db.queries import beside
from api.errors import Conflict
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/v1/conversations", route_class=Guarded, tags=["conversations"])


@router.get("", response_model=schemas.ConversationList, responses=problems())
async def list_conversations(
    reads: Reads,
    page: PageDep,
    *,
    company_id: CompanyFilter = None,
    campaign_id: UUID | None = None,
    lead_id: UUID | None = None,
    read: Annotated[bool | None, Query(description="Only those that somebody has read, or that nobody has.")] = None,
) -> Response:
    """List conversations, newest first."""
    filters = {"company_id": company_id, "campaign_id": campaign_id, "lead_id": lead_id, "read": read}
    return json_response(await reads.body(SQL.list_conversations, {**filters, **page.by_id()}))


@router.get("/{conversation_id}", response_model=schemas.Conversation, responses=problems(404))
async def get_conversation(conversation_id: UUID, reads: Reads) -> Response:
    """Return one conversation."""
    return json_response(or_404(await reads.body(SQL.get_conversation, {"id": conversation_id})))


@router.patch("/{conversation_id}", response_model=schemas.Conversation, responses=problems(404, 412))
async def update_conversation(
    conversation_id: UUID, body: schemas.ConversationUpdate, tx: Writing, if_match: IfMatch = None
) -> Response:
    """Mark a conversation as read, or as not read."""
    conversation = or_404(await tx.one(SQL.lock_conversation, {"id": conversation_id}))
    check_match(if_match, conversation["body"])
    await tx.run(SQL.set_read, {"id": conversation_id, "read": body.read})
    return json_response(await tx.body(SQL.get_conversation, conversation))


@router.get("/{conversation_id}/messages", response_model=schemas.MessageList, responses=problems(404))
async def list_messages(conversation_id: UUID, reads: Reads, page: PageDep) -> Response:
    """List a conversation's messages, newest first."""
    params = {"conversation_id": conversation_id, **page.by_id()}
    return json_response(or_404(await reads.body(SQL.list_messages, params)))


@router.post("/{conversation_id}/reply", status_code=202, response_model=schemas.Message, responses=problems(404, 409))
async def reply(conversation_id: UUID, body: schemas.Reply, tx: Writing) -> Response:
    """Answer the person's latest message. It goes out before whatever else waits.

    The list of messages shows how it went. A person who must not be contacted gets no answer.
    """
    conversation = or_404(await tx.one(SQL.lock_conversation, {"id": conversation_id}))
    if not conversation["may_write"]:
        raise Conflict("The person must not be contacted.", code="suppressed")
    if not conversation["connected"]:
        raise Conflict("The company is not connected.", code="not_connected")
    message = or_404(await tx.one(SQL.queue_reply, {**conversation, "text": body.text}))
    await tx.run(SQL.set_read, {**conversation, "read": True})
    tx.wake(conversation["company_id"], urgent=True)
    return json_response(await tx.body(SQL.get_message, message), status=202)
