#!/usr/bin/env python3
"""Writes validation_table.inc: the names and constraints of the requests that the emulator checks.

Reads the service models that botocore carries (service-2.json) and keeps, for the input of every operation, the member
names, which of them are required, types, lengths, ranges, patterns and enumerations. No documentation text is taken.

    generate_validation_table.py [DATA] [-o FILE]     write the table
    generate_validation_table.py [DATA] --check FILE  compare FILE with the models that it was made from, service by
                                                      service; a service whose model is not here, or only in another
                                                      version, is skipped by name. exit 0: what was compared is the
                                                      same; 1: it is not; 77: nothing could be compared

DATA is botocore's folder of models (.../botocore/data) or the sagemaker service-2.json(.gz) inside it. Without it, each
service's model is the first found in: SAGEMAKER_DATA_DIR or ../shared/data beside the checkout, Debian's
python3-botocore, the botocore of this interpreter.
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

# Which services, and which of their operations (None: all of them), in the order of enum Model in validation.hpp.
MODELS = [
    ("sagemaker", "2017-07-24", None),
    ("logs", "2014-03-28", [
        "CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "DeleteLogStream", "DeleteRetentionPolicy",
        "DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents", "GetLogEvents", "ListTagsForResource",
        "ListTagsLogGroup", "PutLogEvents", "PutRetentionPolicy", "TagLogGroup", "TagResource", "UntagLogGroup",
        "UntagResource"]),
    ("sts", "2011-06-15", None),
    ("iam", "2010-05-08", [
        "AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePolicy", "DetachRolePolicy", "GetRole",
        "GetRolePolicy", "GetUser", "ListAttachedRolePolicies", "ListRolePolicies", "ListRoleTags", "ListRoles",
        "PutRolePolicy", "SimulatePrincipalPolicy", "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole"]),
    ("cloudwatch", "2010-08-01", [
        "DeleteAlarms", "DescribeAlarmHistory", "DescribeAlarms", "DescribeAlarmsForMetric", "DisableAlarmActions",
        "EnableAlarmActions", "GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricAlarm", "PutMetricData",
        "SetAlarmState"]),
    ("application-autoscaling", "2016-02-06", None),
]
# Services whose newest model is taken, wherever it is: Debian's lacks what SageMaker's variants scale by today.
NEWEST = {"application-autoscaling"}
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
    yield Path("/usr/lib/python3/dist-packages/botocore/data")
    installed = importlib.util.find_spec("botocore")
    if installed and installed.origin:
        yield Path(installed.origin).parent / "data"


class Source:
    """One service's model, and where it comes from."""

    def __init__(self, folder, text):
        self.folder, self.model = folder, json.loads(text)
        self.digest = hashlib.sha256(text).hexdigest()


def find_sources(folders, service, version):
    """Every copy of a service's model, best first."""
    for folder in folders:
        base = Path(folder) / service / version / "service-2.json"
        for path in (base, Path(str(base) + ".gz")):
            if path.is_file():
                raw = path.read_bytes()
                yield Source(folder, gzip.decompress(raw) if path.suffix == ".gz" else raw)


def botocore_version(folder):
    init = Path(folder).parent / "__init__.py"
    if init.is_file():
        match = re.search(r"__version__ = '([^']+)'", init.read_text())
        if match:
            return match.group(1)
    return None


def best_source(folders, service, version):
    found = list(find_sources(folders, service, version))
    if service not in NEWEST:
        return found[0] if found else None

    def release(source):
        return [int(number) for number in (botocore_version(source.folder) or "0").split(".")]

    return max(found, key=release, default=None)


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


def render(sources, versions):
    """The text of the table. A source that is None leaves its service without operations."""
    table = Table()
    for (service, _, operations), source in zip(MODELS, sources):
        if source:
            table.add_model(service, source.model, operations)
        else:
            table.models.append((len(table.operations), 0))
    if max(len(table.shapes), len(table.members), len(table.texts), len(table.enum_values)) >= 2 ** 16:
        raise SystemExit("an index does not fit into 16 bits: widen the structures of validation_table.hpp")
    origins = "\n".join(f"//   {service} {api_version} botocore {version} sha256 {source.digest}"
                        for (service, api_version, _), source, version in zip(MODELS, sources, versions) if source)
    shapes = [row((KINDS[shape[0]],) + shape[1:]) for shape in table.shapes]
    return "\n".join([
        "// GENERATED by emulator/wire/generate_validation_table.py; do not edit. "
        "Member names and constraints of requests.",
        "// Made from these service models:",
        origins,
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


class Written:
    """A table read back from the text of a validation_table.inc."""

    def __init__(self, text):
        pool = re.search(r"text_pool\[\] =\n(.*?);\n", text, re.S).group(1)
        pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', pool)
        self.texts = [re.sub(r"\\(.)", r"\1", piece[:-2]) for piece in pieces]

        def rows(name):
            body = re.search(rf" {name}\[\] = {{\n(.*?)\n}};", text, re.S).group(1)
            return [tuple((braced or plain).split(",")) for braced, plain in re.findall(r"{([^}]*)}|(\d+)", body)]

        self.patterns = [int(item[0]) for item in rows("pattern_texts")]
        self.ranges = rows("ranges")
        self.enum_values = [int(item[0]) for item in rows("enum_texts")]
        self.members = [tuple(map(int, item)) for item in rows("all_members")]
        self.shapes = [(item[0],) + tuple(map(int, item[1:])) for item in rows("shapes")]
        self.operations = [tuple(map(int, item)) for item in rows("operations")]
        self.models = [tuple(map(int, item)) for item in rows("models")]

    def service(self, index):
        """All that the table says of one service, in the order of a walk: the same whatever else the table holds."""
        order, result = {}, []

        def visit(shape_index):
            if shape_index in order:
                return order[shape_index]
            order[shape_index] = len(order)
            kind, flags, bounds, a, b, c = self.shapes[shape_index]
            said = [order[shape_index], kind, flags, self.ranges[bounds]]
            if kind == KINDS["structure"]:
                said.append(self.texts[c])
                said += [(self.texts[name], visit(shape), required) for name, shape, required in self.members[a:a + b]]
            elif kind == KINDS["string"]:
                said.append(self.texts[self.patterns[a - 1]] if a else None)
                said += [self.texts[value] for value in self.enum_values[b:b + c]]
            elif kind == KINDS["list"]:
                said.append(visit(a))
            elif kind == KINDS["map"]:
                said += [visit(a), visit(b)]
            result.append(said)
            return order[shape_index]

        first, count = self.models[index]
        names = [(self.texts[name], visit(shape)) for name, shape in self.operations[first:first + count]]
        return names, result


def check(path, folders):
    committed = Path(path).read_text()
    recorded = re.findall(r"^//   (\S+) (\S+) botocore (\S+) sha256 ([0-9a-f]{64})$", committed, re.M)
    if [row[:2] for row in recorded] != [model[:2] for model in MODELS]:
        print(f"{path} was made for other services than this script's: run it again", file=sys.stderr)
        return 1
    used, written, wrong = [], Written(committed), False
    for index, (service, api_version, version, digest) in enumerate(recorded):
        source = next((s for s in find_sources(folders, service, api_version) if s.digest == digest), None)
        used.append(source)
        if not source:
            print(f"SKIPPED: {service}: its model of botocore {version} is not here")
            continue
        alone = [source if other == index else None for other in range(len(MODELS))]
        fresh = Written(render(alone, [row[2] for row in recorded]))
        same = fresh.service(index) == written.service(index)
        print(f"{service}: {'as its model in ' + str(source.folder) if same else 'NOT what its model gives'}")
        wrong |= not same
    if all(used) and not wrong and render(used, [row[2] for row in recorded]) != committed:
        print("all services agree, but the text of the file does not: it was edited, or this script was")
        wrong = True
    if wrong:
        print(f"{path} is not what this script makes: run it again", file=sys.stderr)
        return 1
    return 0 if any(used) else SKIPPED


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="botocore's data folder, or the sagemaker service-2.json in it")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_name("validation_table.inc")))
    parser.add_argument("--check", metavar="FILE", help="compare instead of writing")
    parser.add_argument("--botocore-version",
                        help="of models that lie outside an installed botocore; named in the header")
    options = parser.parse_args()
    folders = list(candidate_folders())
    if options.data:
        given = Path(options.data)
        folders = [given if given.is_dir() else given.parents[2]]
    if options.check:
        return check(options.check, folders)
    sources = [best_source(folders, service, version) for service, version, _ in MODELS]
    if None in sources:
        missing = [model[0] for model, source in zip(MODELS, sources) if not source]
        parser.error(f"no model of {', '.join(missing)} found; looked in " + ", ".join(map(str, folders)))
    versions = [botocore_version(source.folder) or options.botocore_version for source in sources]
    if None in versions:
        folder = sources[versions.index(None)].folder
        parser.error(f"{folder} does not tell botocore's version: give --botocore-version")
    Path(options.output).write_text(render(sources, versions))
    for (service, _, _), source in zip(MODELS, sources):
        print(f"{service} from {source.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
