"""The values of an interaction as segments, their lines and the log carry them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from web.api.fields import Amount, Code, CodeOrBlank, Day, Flag, Minutes, Name, Subject

CorrespondenceType = Literal["hard_copy", "email", "fax"]
InformationFlow = Literal["outbound", "inbound"]
InitiatedBy = Literal["us", "them"]
Evaluation = Literal["very_positive", "positive", "neutral", "negative", "very_negative"]


class Inheritable(BaseModel):
    """What a header or a line may leave to inherit (null); "" is blank on purpose where it is a choice."""

    template_code: Code | None
    subject: Subject | None
    salesperson_code: Code | None
    campaign_no: CodeOrBlank | None
    correspondence_type: Literal["", "hard_copy", "email", "fax"] | None
    language_code: CodeOrBlank | None
    date: Day | None
    information_flow: Literal["", "outbound", "inbound"] | None
    initiated_by: Literal["", "us", "them"] | None
    campaign_target: Flag | None
    campaign_response: Flag | None


class LineValues(Inheritable):
    """What a line may say of its own."""

    description: Name | None
    cost: Amount | None
    duration_min: Minutes | None
    evaluation: Evaluation | None


class EffectiveValues(BaseModel):
    """What a line will be logged with."""

    template_code: str | None
    group_code: str | None
    description: str | None
    subject: str | None
    salesperson_code: str | None
    campaign_no: str | None
    correspondence_type: CorrespondenceType | None
    language_code: str | None
    date: Day | None
    cost: Amount | None
    duration_min: int | None
    information_flow: InformationFlow | None
    initiated_by: InitiatedBy | None
    campaign_target: bool | None
    campaign_response: bool | None
    evaluation: Evaluation | None
