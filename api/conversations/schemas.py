"""Bodies of the conversations' addresses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.http.schemas import SAID, Body, Resource, Text


class ConversationUpdate(Body):
    """Whether it has been read."""

    read: bool


class Reply(Body):
    """An answer, as plain text; line breaks stay."""

    text: Annotated[Text, Field(min_length=1, max_length=8000), *SAID]


class Conversation(Resource):
    """What one person and a campaign's senders write to each other. It begins with the person's first reply."""

    id: UUID
    company_id: UUID
    campaign_id: UUID
    lead_id: UUID
    read: bool
    last_message_at: datetime
    created_at: datetime
    updated_at: datetime


class ConversationList(Resource):
    """One page of conversations, newest first."""

    data: list[Conversation]
    next_cursor: str | None


class Message(Resource):
    """One message. `text` is what its author wrote, without what it quotes; `html` the same where it was written as
    HTML (`format`), cleaned: no images, and links to nowhere but where the campaign's own go.

    An answer goes from `queued` to `sent` or `failed`. While it is `uncertain` it may have been sent: it is looked for,
    and never sent a second time.
    """

    id: UUID
    conversation_id: UUID
    direction: Literal["incoming", "outgoing"]
    state: Literal["received", "queued", "sending", "sent", "uncertain", "failed"]
    reason: str | None
    subject: str | None
    format: Literal["text", "html"]
    text: str
    html: str | None
    quoted: str | None = Field(description="The text of what it quotes: for an organization's credentials, else null.")
    sent_at: datetime | None
    created_at: datetime
    updated_at: datetime


class MessageList(Resource):
    """One page of messages, newest first."""

    data: list[Message]
    next_cursor: str | None
