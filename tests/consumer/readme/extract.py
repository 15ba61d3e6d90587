#!/usr/bin/env python3
"""Writes each C++ program (a ```cpp block with an `int main`) of the README files into a file of its own.

Usage: extract.py SOURCE_DIR OUTPUT_DIR. Exits 77 where there is no README.md yet, 1 where it has no C++ program.
"""
import os
import re
import sys

READMES = ("README.md", "include/sagemaker/README.md", "emulator/README.md", "samples/README.md")
BLOCK = re.compile(r"^```(?:cpp|c\+\+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def programs_of(text):
    """(line number of its first line, text) of each block that holds a main function."""
    for match in BLOCK.finditer(text):
        if re.search(r"\bint\s+main\s*\(", match.group(1)):
            yield text.count("\n", 0, match.start(1)) + 1, match.group(1)


def main():
    source, output = sys.argv[1:3]
    if not os.path.exists(os.path.join(source, "README.md")):
        print("SKIPPED: there is no README.md to take programs from")
        return 77
    os.makedirs(output)
    count = {"client": 0, "container": 0}
    for readme in READMES:
        path = os.path.join(source, readme)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            found = list(programs_of(file.read()))
        if readme == "README.md" and not found:
            print("README.md has no C++ program: no ```cpp block with an int main")
            return 1
        for line, text in found:
            kind = "container" if "sagemaker/container" in text else "client"
            count[kind] += 1
            with open(os.path.join(output, "%s_%d.cpp" % (kind, count[kind])), "w", encoding="utf-8") as file:
                file.write('#line %d "%s"\n%s' % (line, path, text))
    for kind, number in count.items():
        print("%d %s program(s)" % (number, kind) if number else "SKIPPED: no README file holds a %s program" % kind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
