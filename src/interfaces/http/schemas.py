"""JSON Schemas of what is sent and answered, made from the types of the routes: named by class, told by docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from litestar import Response
from msgspec import NODEFAULT, Struct, UnsetType
from msgspec.structs import fields

Schema = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): ")
_LINKS: Final = frozenset({"mediaUrl", "thumbnailUrl", "tempUrl", "uploadUrl"})
"""Addresses that we have made; those that people bring may be any text."""


class Schemas:
    """The schemas of a description; each class is described once, and referred to by its name."""

    def __init__(self) -> None:
        self._known: dict[str, Schema] = {}
        self._made_from: dict[str, type] = {}

    @property
    def components(self) -> dict[str, Schema]:
        """All that were asked for, by name."""
        return dict(sorted(self._known.items()))

    def of_answer(self, annotation: Any) -> Schema | None:
        """What a route answers, by the type that it is annotated with; None: nothing."""
        if get_origin(annotation) is Response:
            annotation = get_args(annotation)[0]
        return None if annotation in {None, NoneType} else self._of(annotation, answered=True)

    def of_body(self, annotation: Any) -> Schema:
        """What a route is sent."""
        return self._of(annotation, answered=False)

    def _of(self, annotation: Any, *, answered: bool) -> Schema:
        origin, inner = get_origin(annotation), get_args(annotation)
        if isinstance(origin, type) and issubclass(origin, Struct):
            return self._envelope(annotation, origin, inner[0])
        if origin in {Union, UnionType}:
            # The wider first: whoever tries one after the other finds an owner's card before a card.
            widest = sorted(inner, key=_width, reverse=True)
            return {"anyOf": [self._of(each, answered=answered) for each in widest]}
        if isinstance(origin, type) and issubclass(origin, Sequence) and any(_structs(inner)):
            return {"type": "array", "items": self._of(inner[0], answered=answered)}
        for struct in _structs([annotation]):
            self._describe(struct, answered=answered)
        (schema,), others = msgspec.json.schema_components([annotation], ref_template=_REF)
        self._keep_names(others)
        return schema

    def _envelope(self, annotation: Any, origin: type[Struct], inner: Any) -> Schema:
        """An envelope around something: it has no name of its own, and gets that of what is in it."""
        name = _stem(inner) + "Answer"
        if name not in self._known:
            properties = {each.encode_name: self._of(each.type, answered=True) for each in fields(annotation)}
            self._known[name] = {
                "title": name,
                "type": "object",
                "description": _sentences(origin),
                "properties": properties,
                "required": list(properties),
            }
        return {"$ref": _REF.format(name=name)}

    def _describe(self, struct: type[Struct], *, answered: bool) -> None:
        name = struct.__name__
        if self._made_from.setdefault(name, struct) is not struct:
            raise ValueError(f"{struct} and {self._made_from[name]} would have one name in the description")
        if name in self._known:
            return
        _, described = msgspec.json.schema_components([struct], ref_template=_REF)
        schema = described.pop(name)
        schema["description"] = _sentences(struct)
        told = _attributes(struct)
        for each in fields(struct):
            shown = _plain(schema["properties"][each.encode_name])
            if each.name in told:
                shown.setdefault("description", told[each.name])
            if each.encode_name in _LINKS:
                text = next(kind for kind in shown.get("anyOf", [shown]) if kind["type"] == "string")
                text["format"] = "uri"
        if answered:
            schema["required"] = [each.encode_name for each in fields(struct) if not _may_be_absent(struct, each)]
        self._known[name] = schema
        self._keep_names(described)

    def _keep_names(self, described: Mapping[str, Schema]) -> None:
        """Keep the schemas of enumerations among others; classes are described one by one."""
        for name, schema in described.items():
            if "enum" in schema:
                told = _marked(schema.get("description", ""))
                self._known.setdefault(name, {**schema, "type": "string", "description": told})


def _plain(schema: Schema) -> Schema:
    """A field without what says nothing: that absent is null, and what kind of thing another schema describes."""
    if schema.get("default", ...) is None:
        del schema["default"]
    for each in [schema, *schema.get("anyOf", ())]:
        if "$ref" in each:
            each.pop("type", None)
        if each.get("multipleOf") == 1:
            each["type"] = "integer"
            del each["multipleOf"]
    return schema


def _structs(annotations: Sequence[Any]) -> Iterator[type[Struct]]:
    """The classes in annotations, and in their fields."""
    seen: set[Any] = set()
    left = list(annotations)
    while left:
        each = left.pop()
        if each in seen:
            continue
        seen.add(each)
        left.extend(get_args(each))
        if isinstance(each, type) and issubclass(each, Struct):
            yield each
            left.extend(field.type for field in fields(each))


def _width(annotation: Any) -> int:
    return len(fields(annotation)) if isinstance(annotation, type) and issubclass(annotation, Struct) else 0


def _stem(annotation: Any) -> str:
    """What an envelope's content is called."""
    structs = [each for each in _unpacked(annotation) if issubclass(each, Struct | Enum)]
    narrowest = min(structs, key=_width)
    many = isinstance(get_origin(annotation), type) and issubclass(get_origin(annotation), Sequence | Mapping)
    return narrowest.__name__ + ("s" if many else "")


def _unpacked(annotation: Any) -> Iterator[type]:
    if inner := get_args(annotation):
        for each in inner:
            yield from _unpacked(each)
    elif isinstance(annotation, type):
        yield annotation


def _may_be_absent(struct: type[Struct], field: Any) -> bool:
    omitted = struct.__struct_config__.omit_defaults and field.default is not NODEFAULT
    return omitted or UnsetType in get_args(field.type)


def _sentences(of: Any) -> str:
    """A docstring without its sections."""
    return _marked((of.__doc__ or "").partition("Attributes:")[0])


def _attributes(struct: type) -> dict[str, str]:
    """What the docstrings of a class and of those it is derived from say of its attributes."""
    told: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        name = ""
        for line in (each.__doc__ or "").partition("Attributes:")[2].splitlines():
            if match := _ATTRIBUTE.match(line.removeprefix("    ")):
                name = match[1]
                told[name] = line.strip().removeprefix(f"{name}: ")
            elif name and line.strip():
                told[name] += f" {line.strip()}"
    return {name: _marked(text[:1].upper() + text[1:]) for name, text in told.items()}


def _marked(text: str) -> str:
    """A docstring as Markdown, in one paragraph for each of its own."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.replace("``", "`").split("\n\n"))
    return "\n\n".join(filter(None, paragraphs))
