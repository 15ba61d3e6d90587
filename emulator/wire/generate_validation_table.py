#!/usr/bin/env python3
"""Writes validation_table.inc: the names and constraints of the requests that the emulator checks.

Reads the service models that botocore carries (service-2.json) and keeps, for the input of every operation, the member
names, which of them are required, types, lengths, ranges, patterns and enumerations. No documentation text is taken.

    generate_validation_table.py [DATA] [-o FILE]     write the table
    generate_validation_table.py [DATA] --check FILE  exit 0: FILE is what this script makes of them; 1: it is not;
                                                      77: no models here, or other ones than FILE was made from

DATA is botocore's folder of models (.../botocore/data) or the sagemaker service-2.json(.gz) inside it. Without it:
SAGEMAKER_DATA_DIR or ../shared/data beside the checkout, then an installed botocore.
"""

import argparse
import gzip
import hashlib
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

# Which services, and which of their operations (None: all of them).
MODELS = [
    ("sagemaker", "2017-07-24", None),
    ("logs", "2014-03-28", [
        "CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "DeleteLogStream", "DescribeLogGroups",
        "DescribeLogStreams", "FilterLogEvents", "GetLogEvents", "PutLogEvents"]),
    ("sts", "2011-06-15", ["AssumeRole", "GetCallerIdentity", "GetSessionToken"]),
]
# The constants of validation_table.cpp that stand for the kinds of shapes.
KINDS = {"structure": "O", "string": "S", "integer": "I", "long": "L", "float": "F", "double": "D", "boolean": "B",
         "timestamp": "T", "blob": "X", "list": "A", "map": "M"}
# Constraints that the service answers in words of its own: emulator/services checks them.
LEFT_OUT = {("logs", "LogGroupName"): "max", ("logs", "LogStreamName"): "max"}
HAS_MIN, HAS_MAX, SENSITIVE, UNION = 1, 2, 4, 8
SKIPPED = 77


def candidate_folders():
    root = Path(__file__).resolve().parents[2]
    shared = os.environ.get("SAGEMAKER_DATA_DIR") or root.parent / "shared" / "data"
    yield Path(shared) / "aws" / "botocore-models" / "botocore" / "data"
    installed = importlib.util.find_spec("botocore")
    if installed and installed.origin:
        yield Path(installed.origin).parent / "data"


def read_model(folder, service, version):
    """The model and the SHA-256 of its text; None where it is absent."""
    base = Path(folder) / service / version / "service-2.json"
    for path in (base, Path(str(base) + ".gz")):
        if path.is_file():
            raw = path.read_bytes()
            text = gzip.decompress(raw) if path.suffix == ".gz" else raw
            return json.loads(text), hashlib.sha256(text).hexdigest()
    return None


def read_models(folder):
    found = [read_model(folder, service, version) for service, version, _ in MODELS]
    return None if None in found else found


def botocore_version(folder):
    init = Path(folder).parent / "__init__.py"
    if init.is_file():
        match = re.search(r"__version__ = '([^']+)'", init.read_text())
        if match:
            return match.group(1)
    return None


class Table:
    """Collects shapes, giving equal ones one index; structures are told apart by service and name."""

    def __init__(self):
        self.texts, self.patterns, self.ranges, self.enums = {}, {}, {}, {}
        self.enum_values, self.members, self.shapes, self.operations, self.models = [], [], [], [], []
        self.indices = {}

    def text(self, value):
        if not all(" " <= c <= "~" for c in value):
            raise SystemExit(f"text outside printable ASCII: {value!r}")
        return self.texts.setdefault(value, len(self.texts))

    def add_model(self, service, model, operations):
        shapes = model["shapes"]
        first = len(self.operations)
        for name in sorted(operations or model["operations"]):
            shape = model["operations"][name].get("input", {}).get("shape")
            index = self.shape(service, shapes, shape) if shape else self.empty_structure()
            self.operations.append((self.text(name), index))
        self.models.append((first, len(self.operations) - first))

    def empty_structure(self):
        return self.put(("empty",), ("structure", 0, 0, len(self.members), 0, self.text("Unit")))

    def put(self, key, row):
        if key not in self.indices:
            self.indices[key] = len(self.shapes)
            self.shapes.append(row)
        return self.indices[key]

    def bounds(self, shape):
        flags = (HAS_MIN if "min" in shape else 0) | (HAS_MAX if "max" in shape else 0)
        if shape.get("sensitive"):
            flags |= SENSITIVE
        if shape.get("union"):
            flags |= UNION
        pair = (shape.get("min", 0), shape.get("max", 0))
        if any(abs(number) > 2 ** 53 for number in pair):
            raise SystemExit(f"a bound that a double cannot hold: {pair}")
        return flags, self.ranges.setdefault(pair, len(self.ranges))

    def shape(self, service, shapes, name):
        left_out = LEFT_OUT.get((service, name))
        shape = {key: value for key, value in shapes[name].items() if key != left_out}
        kind = shape["type"]
        flags, bounds = self.bounds(shape)
        if kind == "structure":
            return self.structure(service, shapes, name, flags, bounds)
        a = b = c = 0
        if kind == "string":
            if "pattern" in shape:
                a = 1 + self.patterns.setdefault(self.text(shape["pattern"]), len(self.patterns))
            if "enum" in shape:
                b, c = self.enumeration(tuple(shape["enum"])), len(shape["enum"])
        elif kind == "list":
            a = self.shape(service, shapes, shape["member"]["shape"])
        elif kind == "map":
            a = self.shape(service, shapes, shape["key"]["shape"])
            b = self.shape(service, shapes, shape["value"]["shape"])
        row = (kind, flags, bounds, a, b, c)
        return self.put(row, row)

    def enumeration(self, values):
        if values not in self.enums:
            self.enums[values] = len(self.enum_values)
            self.enum_values += [self.text(value) for value in values]
        return self.enums[values]

    def structure(self, service, shapes, name, flags, bounds):
        key = ("structure", service, name)
        if key in self.indices:  # also while its own members are being read: shapes may contain themselves
            return self.indices[key]
        index = self.put(key, None)
        shape = shapes[name]
        required = set(shape.get("required", []))
        rows = [(self.text(member), self.shape(service, shapes, target["shape"]), int(member in required))
                for member, target in shape["members"].items()]
        self.shapes[index] = ("structure", flags, bounds, len(self.members), len(rows), self.text(name))
        self.members += rows
        return index


def wrapped(items, width=110):
    lines, line = [], " "
    for item in items:
        if len(line) + 1 + len(item) > width:
            lines.append(line)
            line = " "
        line += " " + item
    lines.append(line)
    return "\n".join(lines)


def number(value):
    return str(int(value)) if value == int(value) else repr(value)


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '\\0"'


def array(kind, name, items):
    return f"static constexpr {kind} {name}[] = {{\n{wrapped([item + ',' for item in items])}\n}};\n"


def row(values):
    return "{" + ",".join(str(value) for value in values) + "}"


def render(models, version):
    table = Table()
    for (service, _, operations), (model, _) in zip(MODELS, models):
        table.add_model(service, model, operations)
    if max(len(table.shapes), len(table.members), len(table.texts), len(table.enum_values)) >= 2 ** 16:
        raise SystemExit("an index does not fit into 16 bits: widen the structures of validation_table.hpp")
    sources = "\n".join(f"//   {service} {api_version} sha256 {digest}"
                        for (service, api_version, _), (_, digest) in zip(MODELS, models))
    shapes = [row((KINDS[shape[0]],) + shape[1:]) for shape in table.shapes]
    return "\n".join([
        "// GENERATED by emulator/wire/generate_validation_table.py; do not edit. "
        "Member names and constraints of requests.",
        f"// Made from the service models of botocore {version}:",
        sources,
        "// The models are part of botocore, Copyright 2012-2022 Amazon.com, Inc. or its affiliates, and are "
        "licensed under the",
        "// Apache License, Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0). This file is a derived "
        "work: it was",
        "// reduced to names and constraints and laid out as tables; none of the documentation text of the "
        "models is in it.",
        "// clang-format off",
        "static constexpr char text_pool[] =\n" + wrapped([literal(text) for text in table.texts]) + ";\n",
        f"static constexpr std::size_t text_count = {len(table.texts)};\n",
        array("std::uint16_t", "pattern_texts", [str(text) for text in table.patterns]),
        array("Range", "ranges", [row(number(bound) for bound in pair) for pair in table.ranges]),
        array("std::uint16_t", "enum_texts", [str(text) for text in table.enum_values]),
        array("Member", "all_members", [row(member) for member in table.members]),
        array("Shape", "shapes", shapes),
        array("OperationInput", "operations", [row(operation) for operation in table.operations]),
        array("ModelOperations", "models", [row(model) for model in table.models]),
        "// clang-format on",
        ""])


def check(path, candidates):
    committed = Path(path).read_text()
    recorded = re.findall(r"sha256 ([0-9a-f]{64})", committed)
    version = re.search(r"botocore (\S+):", committed).group(1)
    for folder in candidates:
        models = read_models(folder)
        if models and [digest for _, digest in models] == recorded:
            if render(models, version) == committed:
                print(f"{path} is what the models in {folder} give")
                return 0
            print(f"{path} is not what this script makes of {folder}: run it again", file=sys.stderr)
            return 1
    print(f"SKIPPED: the models that {path} was made from (botocore {version}) are not here")
    return SKIPPED


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="botocore's data folder, or the sagemaker service-2.json in it")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_name("validation_table.inc")))
    parser.add_argument("--check", metavar="FILE", help="compare instead of writing")
    parser.add_argument("--botocore-version", help="named in the header; found by itself beside an installed botocore")
    options = parser.parse_args()
    candidates = list(candidate_folders())
    if options.data:
        given = Path(options.data)
        candidates = [given if given.is_dir() else given.parents[2]]
    if options.check:
        return check(options.check, candidates)
    for folder in candidates:
        models = read_models(folder)
        if models:
            version = options.botocore_version or botocore_version(folder)
            if not version:
                parser.error(f"{folder} does not tell botocore's version: give --botocore-version")
            Path(options.output).write_text(render(models, version))
            print(f"wrote {options.output} from {folder}")
            return 0
    parser.error("no models found; looked in " + ", ".join(str(folder) for folder in candidates))


if __name__ == "__main__":
    sys.exit(main())
