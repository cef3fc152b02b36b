"""The section `inputs` of the configuration: paths, formats, and where missing ids and labels come from."""

from __future__ import annotations

from typing import Annotated

import pydantic

from schemas.formats import MAPPED_GROUPS, MAPPED_HISTORIES, check_format
from schemas.ids import UNCLEAN, is_unclean
from schemas.mapped.fields import FieldsConfig
from schemas.strict_yaml import Instant, StrictModel
from schemas.windows import DatedInput


def check_id(text: str) -> str:
    """The id; ValueError for one that could match nothing."""
    if is_unclean(text):
        raise ValueError(UNCLEAN)
    return text


Id = Annotated[str, pydantic.AfterValidator(check_id)]
Format = Annotated[str, pydantic.AfterValidator(check_format)]


UserId = Annotated[
    Id | None, pydantic.Field(description="The user of records without one.", examples=["u-1041"])
]
OrganizationId = Annotated[
    Id | None, pydantic.Field(description="The organisation of records without one.", examples=["org-7"])
]
Tier = Annotated[
    str | None,
    pydantic.Field(
        description="The tier of records without one, as the policy names it.", examples=["enterprise"]
    ),
]
Surface = Annotated[
    str | None,
    pydantic.Field(
        description="The surface of records without one, as the policy names it.", examples=["code"]
    ),
]


class InputDefaults(StrictModel):
    """Values for records that lack them. A value in the record takes precedence."""

    user_id: UserId = None
    organization_id: OrganizationId = None
    tier: Tier = None
    surface: Surface = None
    created_at: Instant | None = pydantic.Field(
        default=None,
        description="The time of records whose format has none, such as ShareGPT.",
        examples=["2024-01-01T00:00:00Z"],
    )


class PathDefaults(StrictModel):
    """Values for records that lack them, in files whose path below the input matches the glob `path`."""

    path: str = pydantic.Field(
        min_length=1,
        description="A glob over paths below the input: `*` and `?` within a name, `**` across folders.",
        examples=["*/contractors/**"],
    )
    user_id: UserId = None
    organization_id: OrganizationId = None
    tier: Tier = None
    surface: Surface = None


class InputConfig(DatedInput):
    """One input: a file, folder or glob, its format, and where missing user ids and labels come from."""

    format: Format = pydantic.Field(
        default="canonical",
        description="The format of the files: a built-in one, or one of an installed package.",
        examples=["claude-code"],
    )
    defaults: InputDefaults = pydantic.Field(
        default_factory=InputDefaults,
        description="Values for records that lack them, after `mapping` and `defaults_by_path`.",
        examples=[{"tier": "pro", "surface": "code"}],
    )
    defaults_by_path: list[PathDefaults] = pydantic.Field(
        default_factory=list,
        description="Values by path of the file; for each missing value the first matching entry applies.",
        examples=[[{"path": "*/contractors/**", "tier": "enterprise"}]],
    )
    mapping: str | None = pydantic.Field(
        default=None,
        description="A CSV or Parquet table that assigns users and labels to paths or accounts.",
        examples=["identity.csv"],
    )
    fields: FieldsConfig | None = pydantic.Field(
        default=None,
        description="Format `mapped`: where the records have what a session needs.",
        examples=[
            {
                "conversation_id": "chat.id",
                "messages": {
                    "role": "turns[].speaker",
                    "content": "turns[].text",
                    "sent_at": "turns[].time",
                },
            }
        ],
    )

    @pydantic.model_validator(mode="after")
    def _fields_of_mapped(self) -> InputConfig:
        if self.format == "mapped" and self.fields is None:
            raise ValueError("format mapped needs fields; `chatsieve inspect PATH --suggest` proposes them")
        if self.format != "mapped" and self.fields is not None:
            raise ValueError(f"fields is for format mapped; format is {self.format}")
        return self

    @property
    def reader(self) -> str:
        """The source that reads the input: the format, or the way to read format `mapped`."""
        return self.format if self.fields is None else reader_of(self.fields)


def reader_of(fields: FieldsConfig) -> str:
    """The source that reads an own schema."""
    if fields.group_by is not None:
        return MAPPED_GROUPS
    repeats = fields.conversation_id is None and fields.messages[0].message_id is None
    return MAPPED_HISTORIES if repeats else "mapped"
