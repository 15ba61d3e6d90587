#!/usr/bin/env python3
"""Shows that each rule of tidy.py finds what it forbids and lets pass what it allows."""
import unittest

import tidy

HEADER = "// What it is for.\n#pragma once\n"


def rules(path, text, executable=False):
    return [rule for _, rule in tidy.file_faults(path, text, executable, lambda name: True)]


def includes(path, *headers):
    return rules(path, HEADER + "".join("#include <%s>\n" % header for header in headers))


class Layers(unittest.TestCase):
    def test_forbidden(self):
        for path, header in [
                ("include/sagemaker/aws/client.hpp", "sagemaker/clients/s3.hpp"),
                ("include/sagemaker/aws/client.hpp", "sagemaker/session.hpp"),
                ("include/sagemaker/clients/s3.hpp", "sagemaker/session.hpp"),
                ("include/sagemaker/container/serving.hpp", "sagemaker/clients/s3.hpp"),
                ("include/sagemaker/container/serving.hpp", "sagemaker/session.hpp"),
                ("include/sagemaker/formats/record_io.hpp", "sagemaker/aws/json.hpp"),
                ("include/sagemaker/sagemaker.hpp", "sagemaker/container.hpp"),
                ("include/sagemaker/session.hpp", "torch/torch.h"),
                ("include/sagemaker/session.hpp", "httplib.h"),
                ("include/sagemaker/session.hpp", "sagemaker/aws/httplib.hpp"),
                ("include/sagemaker/session.hpp", "iostream"),
                ("include/sagemaker/aws/uri.hpp", "regex"),
                ("include/sagemaker/local.hpp", "emulator/options.hpp"),
                ("emulator/http/server.hpp", "emulator/wire/router.hpp"),
                ("emulator/http/server.hpp", "emulator/store/records.hpp"),
                ("emulator/wire/pipeline.hpp", "emulator/store/records.hpp"),
                ("emulator/wire/pipeline.hpp", "httplib.h"),
                ("emulator/services/s3/s3.hpp", "emulator/http/message.hpp"),
                ("emulator/services/s3/s3.hpp", "emulator/wire/router.hpp"),
                ("emulator/store/records.hpp", "emulator/services/operation.hpp"),
                ("emulator/runner/container.hpp", "emulator/http/message.hpp"),
                ("emulator/images/catalog.hpp", "emulator/runner/container.hpp"),
                ("emulator/runner/container.hpp", "sagemaker/container/environment.hpp"),
                ("emulator/main.hpp", "torch/torch.h"),
                ("emulator/main.hpp", "tests/support/support.hpp")]:
            self.assertEqual(len(includes(path, header)), 1, "%s -> %s" % (path, header))

    def test_allowed(self):
        for path, header in [
                ("include/sagemaker/clients/s3.hpp", "sagemaker/aws/client.hpp"),
                ("include/sagemaker/session.hpp", "sagemaker/clients/s3.hpp"),
                ("include/sagemaker/container/codecs.hpp", "sagemaker/aws/json.hpp"),
                ("include/sagemaker/container/detail/recordio.hpp", "sagemaker/formats/record_io.hpp"),
                ("include/sagemaker/record_io.hpp", "sagemaker/formats/record_io.hpp"),
                ("include/sagemaker/container/codecs.hpp", "torch/torch.h"),
                ("include/sagemaker/container.hpp", "sagemaker/container/codecs.hpp"),
                ("include/sagemaker/aws/httplib.hpp", "httplib.h"),
                ("include/sagemaker/aws/httplib_transport.hpp", "sagemaker/aws/httplib.hpp"),
                ("emulator/http/front.hpp", "httplib.h"),
                ("emulator/wire/pipeline.hpp", "emulator/services/operation.hpp"),
                ("emulator/wire/pipeline.hpp", "emulator/http/message.hpp"),
                ("emulator/services/s3/s3.hpp", "emulator/store/records.hpp"),
                ("emulator/services/s3/s3.hpp", "emulator/limits.hpp"),
                ("emulator/emulator.hpp", "emulator/store/records.hpp")]:
            self.assertEqual(includes(path, header), [], "%s -> %s" % (path, header))

    def test_an_include_by_a_relative_path_is_seen(self):
        self.assertEqual(len(rules("emulator/http/server.hpp", HEADER + '#include "../wire/router.hpp"\n')), 1)


class Looks(unittest.TestCase):
    def test_forbidden(self):
        long_file = HEADER + "int a();\n" * tidy.LINES_MAX
        for path, text in [
                ("emulator/a.hpp", "// For this.\nint a();\n"),
                ("emulator/a.hpp", "#pragma once\n// For this.\n"),
                ("emulator/a.hpp", long_file),
                ("emulator/a.cpp", "int a = 1; \n"),
                ("emulator/a.cpp", "\tint a = 1;\n"),
                ("emulator/a.cpp", "// %s\n" % ("a" * tidy.COLUMNS_MAX)),
                ("emulator/a.cpp", "// caf\u00e9\n"),
                ("emulator/a.cpp", "int a = 1;"),
                ("emulator/a.cpp", "// " + "TO" "DO" + ": later\n"),
                ("README.md", "A " + "to" "y" + " example.\n"),
                ("emulator/a.cpp", 'auto a = "' + "/wo" "rk" + '/main";\n'),
                ("README.md", "see " + "/ro" "ot" + "/.aws\n"),
                ("samples/a.sh", "#!/bin/sh\n")]:
            self.assertEqual(len(rules(path, text)), 1, repr((path, text[:60])))

    def test_allowed(self):
        generated = "// Generated by a script.\n#pragma once\n" + "int a();\n" * tidy.LINES_MAX
        for path, text, executable in [
                ("emulator/a.hpp", HEADER, False),
                ("emulator/a.hpp", generated, False),
                ("emulator/a.cpp", 'auto a = job + "job' + "/wo" "rk" + '/file-XXXXXX";\n', False),
                ("README.md", "caf\u00e9\n", False),
                ("samples/a.sh", "#!/bin/sh\n", True)]:
            self.assertEqual(rules(path, text, executable), [], repr((path, text[:60])))


class Lifetimes(unittest.TestCase):
    def test_forbidden(self):
        for loop in ("for (const auto& x : *f()) use(x);", "for (auto& [a, b] : *x->y()) {",
                     "for (const auto& x : *a.front()->b()) {", "for (const auto& x :\n       *std::get<0>(f)->b()) {",
                     "for (int n = 0; const auto& x : *f(n)) {"):
            self.assertEqual(len(rules("emulator/a.cpp", loop + "\n")), 1, loop)

    def test_allowed(self):
        for loop in ("for (const auto& x : *list) {", "for (const auto& x : f()) {", "for (char c : text) *f(c);",
                     "for (int i = a ? *b : *c(); i < 5; ++i) {", "for (; n != 0 ? *p : *q(); ++n) {",
                     "use(x ? y : *z());"):
            self.assertEqual(rules("emulator/a.cpp", loop + "\n"), [], loop)


if __name__ == "__main__":
    unittest.main()
