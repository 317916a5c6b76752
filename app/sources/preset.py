"""What a preset can say: the model of app/sources/presets/<vendor>.yaml and of `overrides` in bindery.yaml.

Owns: the words of a preset and their checks. Does not own: the words of fields (fields.py), of verification (schemes.py), compiling.
Next stop: app/sources/fields.py.

Expressions are JMESPath over the *scope* of one piece: the body itself, or, where `split` names a list or map of resources, the resource
with two more names: `_body` (the whole body) and `_name` (its key in the map). `type` and `id` are read from the body before the split.
Where one request holds several events, each with a type of its own, `each` says where their list stands: every one is then a body,
in which `_request` holds what stands beside the list.

Events named `fetched.asset`, `fetched.product` and `fetched.model` say how a state that a fetch brought is read: its scope is the state as
the vendor's API gives it, no sender can send one, and nothing is filled in from the preset's own words (`kind` and `mode: full` are known).
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from app.domain.policy import Inheritance
from app.sources.expressions import plain_names
from app.sources.fields import Expr, Fields, KindName, Scalar, Side, Strict, Zone, bare_too
from app.sources.handshakes import AnswerWords, Notice
from app.sources.schemes import Scheme

Mode = Literal["full", "delta", "deletion", "created", "thin"]
MODES: tuple[str, ...] = get_args(Mode)
KINDS: tuple[str, ...] = get_args(KindName)
STATES = "fetched."


def _plain(text: str) -> str:
    if text and plain_names(text) is None:
        raise ValueError(f"{text!r} must be a plain dotted path (or empty for the whole body)")
    return text


PlainPath = Annotated[str, AfterValidator(_plain)]


class Switch(Strict):
    """A word of the payload that decides. lookup: its value -> the meaning; otherwise: for every other value and for none."""

    path: Expr
    lookup: dict[str, str]
    otherwise: str | None = None

    def check(self, known: tuple[str, ...], what: str) -> None:
        """Raises ValueError where a meaning is not a known one."""
        for meaning in (*self.lookup.values(), *([self.otherwise] if self.otherwise else [])):
            if meaning not in known:
                raise ValueError(f"{what} must be one of {', '.join(known)}; {meaning!r} is none of them")


class Taken(Strict):
    """Where the type or the id of a request stands: in the body, in a header, in the path, or nowhere (`const`). A bare string is a path
    in the body. segment: 1 is the first segment below /webhooks/{source}, -1 the last one."""

    path: Expr | None = None
    header: str | None = None
    segment: int | None = None
    const: str | None = None
    otherwise: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return bare_too(handler(core_schema))

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.path, self.header, self.segment, self.const].count(None) != 3 or self.segment == 0:
            raise ValueError("expected exactly one of path, header, segment (1: the first below the source, -1: the last), const")
        return self


class Order(Strict):
    """What orders the changes of a thing: a time or a sequence number in the payload, or a time in a header. zone: of times without one.
    A header beside a time stands in where the payload has none."""

    time: Expr | None = None
    sequence: Expr | None = None
    header: str | None = None
    zone: Zone | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.time or self.header, self.sequence].count(None) != 1:
            raise ValueError("expected exactly one of time, sequence, header (a header may stand in for a time)")
        return self

    @property
    def measure(self) -> str:
        """What its numbers count; orders of one system and kind must agree."""
        return "sequence" if self.sequence else "time"


class Tie(Strict):
    """A finer hint where two orders are equal: a time, the millisecond inside a UUIDv7, a number, or a time in a header (which is then the
    time that the event has on the log)."""

    time: Expr | None = None
    uuid7: Expr | None = None
    number: Expr | None = None
    header: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.time, self.uuid7, self.number, self.header].count(None) != 3:
            raise ValueError("expected exactly one of time, uuid7, number, header")
        return self


class Embedded(Strict):
    """Records that a thing carries inside: images of a product, variants of a model, the models above a product.

    path: where they stand in the piece's view, a list or a map of objects (or of plain values). Everything else reads the scope of one
    entry: its members, `_name` and `_value` (of a map's entry, of a plain value), `_view` (the piece's view), `_piece` (its scope) and
    `_body`. when: members that an entry must have to count. system: whose assets they are (default: the source's own). order: of the entry
    (default: the piece's). mode: full is the default where the piece is full or created, delta in all other pieces. Pieces that are
    deletions embed nothing.
    """

    kind: KindName
    path: Expr
    key: Expr
    system: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    when: dict[str, Scalar] = Field(default_factory=dict)
    order: Order | None = None
    mode: Literal["full", "delta"] | None = None
    fields: Fields

    @model_validator(mode="after")
    def _own_products(self) -> Self:
        if self.kind != "asset" and self.system is not None:
            raise ValueError("`system` is for assets only: products and models belong to the system of the source that sends them")
        return self


class EventWords(Strict):
    """How to read one type of event; what is left out comes from the preset's own words of the same name.

    split: where the list or map of resources stands. view: an expression that gives the piece the shape that `fields` read (null members
    count as not mentioned). previous: the same for the state before; what it has and the view lacks was taken away. mode: full, delta,
    deletion, created (a delta that revives), thin (says only that something changed), or a list of subtrees of which this is the whole.
    A thin event may have a view, too: its leaves count where its order can be read. fetch: ask for the thing's state as well (thin events
    always do, deletions late); an expression: where it finds something. order: null, at a
    deletion: its arrival orders it, since its sender tells no time. embedded: records inside (`[]`: none).
    """

    kind: KindName | Switch | None = None
    mode: Mode | list[str] | Switch | None = None
    key: Expr | None = None
    split: PlainPath | None = None
    view: Expr | None = None
    previous: Expr | None = None
    order: Order | None = None
    tie: Tie | None = None
    fetch: bool | Expr | None = None
    embedded: tuple[Embedded, ...] | None = None

    @field_validator("kind")
    @classmethod
    def _kinds(cls, kind: KindName | Switch | None) -> KindName | Switch | None:
        if isinstance(kind, Switch):
            kind.check(KINDS, "kind")
        return kind

    @field_validator("mode")
    @classmethod
    def _modes(cls, mode: Mode | list[str] | Switch | None) -> Mode | list[str] | Switch | None:
        if isinstance(mode, Switch):
            mode.check(MODES, "mode")
        return mode


FetcherName = Literal["akeneo", "bynder", "cloudinary", "acquia", "brandfolder", "frontify", "contentful", "template"]


class Fetch(Strict):
    """When and with what to fetch: delay_s after an event, late_s after a deletion. fetcher: who reads the vendor's API (app/fetchers/).
    inheritance: `flattened` where fetched states hold inherited values; it counts as soon as `api` is configured. optional: events bring
    enough by themselves; without `api` nothing asks for a fetch. wishes: what a state looks like is not known, so events are visible wishes
    until somebody describes it; `config check` asks for no access."""

    delay_s: float = Field(5, ge=0)
    late_s: float = Field(300, ge=0)
    fetcher: FetcherName | None = None
    inheritance: Inheritance | None = None
    optional: bool = False
    wishes: bool = False


class Receive(Strict):
    """Which requests belong to the source. below: those to paths below /webhooks/{source}/ as well."""

    methods: tuple[Literal["POST", "PUT"], ...] = Field(("POST",), min_length=1)
    below: bool = False


class Preset(EventWords):
    """A vendor's events.

    repeats: the same bytes may tell of another change, so an id that is made of them holds the arrival as well.
    authors, fetched_authors: where persons' ids stand in a request, in a fetched state (hashed; `[]` goes through a list). hot_types:
    attribute types that are dropped wherever an object has such a `type` or `attribute_type`. hot_shapes: lists of names; an object with
    exactly these members is dropped. answers: what is no event (handshakes.py). notices: types (patterns) of ignored events by which the
    sender says that it stopped or resumed sending -> suspended, resumed. each: where a list of events stands ("": the body may be one); a
    body without it is an event itself. ignore, events: types, where `*` stands for anything; exact names win.
    """

    preset: str
    about: str
    facts: Literal["documented", "public code", "inferred", "yours"]
    side: Side
    inheritance: Inheritance = "own"
    verify: Scheme
    each: PlainPath | None = None
    type: Taken
    id: Taken | None = None
    repeats: bool = False
    receive: Receive = Receive()
    answers: tuple[AnswerWords, ...] = ()
    notices: dict[str, Notice] = Field(default_factory=dict)
    authors: tuple[str, ...] = ()
    fetched_authors: tuple[str, ...] = ()
    hot_fields: tuple[str, ...] = ()
    hot_types: tuple[str, ...] = ()
    hot_shapes: tuple[tuple[str, ...], ...] = ()
    ignore: tuple[str, ...] = ()
    events: dict[str, EventWords]
    fetching: Fetch | None = None
    fields: Fields

    @field_validator("events")
    @classmethod
    def _fetched(cls, events: dict[str, EventWords]) -> dict[str, EventWords]:
        for name, words in events.items():
            kind = name.removeprefix(STATES)
            if kind == name:
                continue
            if kind not in KINDS:
                raise ValueError(f"fetched states are named fetched.asset, fetched.product and fetched.model; {name} is none of them")
            if words.kind not in (None, kind):
                raise ValueError(f"{name} is about the kind {kind}; leave `kind` out")
        return events

    def sent(self) -> list[str]:
        """The types of events that the sender sends."""
        return [name for name in self.events if not name.startswith(STATES)]

    def words(self, type_: str) -> EventWords:
        """The words of one event type with the preset's own filled in; into those of a fetched state nothing is."""
        own = self.events[type_]
        names = EventWords.model_fields
        if type_.startswith(STATES):
            return own.model_copy(update={"kind": type_.removeprefix(STATES), "mode": own.mode or "full"})
        return EventWords.model_construct(
            **{name: getattr(own if name in own.model_fields_set else self, name) for name in names},
        )
