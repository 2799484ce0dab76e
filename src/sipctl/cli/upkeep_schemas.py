"""The shapes of what `sipctl rules purge` and `sync` print as JSON. PINs are masked unless shown."""

from typing import Final, Literal

from pydantic import BaseModel, Field

from sipctl.cli.shape import Shape


class Counts(Shape):
    """How many rules, and rooms without one, fared how."""

    keep: int
    skip: int
    delete: int
    update: int
    create: int


class PlanItem(Shape):
    """A rule, or a room without one ("" as its id).

    `beside` = the rule that is why; `result` is null for what was only planned, or stays; `new_rule_id` names a rule
    that was made.
    """

    action: Literal["keep", "skip", "delete", "update", "create"]
    reason: str
    room: str
    sip_dispatch_rule_id: str
    beside: str
    pin_before: str | None
    pin_after: str | None
    result: str | None
    new_rule_id: str
    error: str


class PlanShape(Shape):
    """A run of purge or sync; `run` is its id in the audit, "" if it only planned.

    `put_back` are rooms whose rule an earlier run had taken away though they were live.
    """

    schema_: Literal["sipctl/plan/v1"] = Field(alias="schema")
    run: str
    undo: str
    put_back: list[str]
    counts: Counts
    items: list[PlanItem]


UPKEEP_DOCUMENTS: Final[dict[str, type[BaseModel]]] = {"plan": PlanShape}
