"""A small judge of JSON by the schemas of rpc.discover, stricter than JSON Schema: no member may be unnamed."""

import re

TYPES = {"string": str, "boolean": bool, "null": type(None), "object": dict, "array": list}


def is_type(name, value):
    if name in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and (name == "number" or value == int(value)))
        return whole and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def merged(schema, all_schemas):
    """A schema without references and allOf: objects put together."""
    while "$ref" in schema:
        schema = all_schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "allOf" not in schema:
        return schema
    together = {"type": "object", "properties": {}, "required": []}
    for part in schema["allOf"]:
        part = merged(part, all_schemas)
        together["properties"].update(part["properties"])
        together["required"] += part["required"]
    return together


def wrong(schema, value, all_schemas, where="result"):
    """What is wrong, as text; None when nothing is."""
    schema = merged(schema, all_schemas)
    if "anyOf" in schema:
        found = [wrong(s, value, all_schemas, where) for s in schema["anyOf"]]
        return None if None in found else " / ".join(sorted(set(found), key=len)[-2:])
    if "const" in schema and value != schema["const"]:
        return f"{where} is {value!r}, not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is {value!r}, none of {schema['enum']}"
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_type(n, value) for n in names):
            return f"{where} is {value!r:.100}, not of type {' or '.join(names)}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{where} is {value!r:.100}, not as {schema['pattern']}"
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            problem = wrong(schema["items"], item, all_schemas, f"{where}[{i}]")
            if problem:
                return problem
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", "properties" not in schema)
        for name in schema.get("required", []):
            if name not in value:
                return f"{where}.{name} is missing"
        for name, member in value.items():
            if name not in known and rest is True:
                continue
            if name not in known and (not rest or rest is False):
                return f"{where}.{name} is not described"
            problem = wrong(known.get(name, rest), member, all_schemas, f"{where}.{name}")
            if problem:
                return problem
    return None
