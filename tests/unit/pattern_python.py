"""Pattern's Python dialect beside Python's own re: a table of what differs between dialects, and random expressions.
And the numbers that metrics are read from, beside float().

Run with the path of the program that pattern_python.cpp becomes. Errors are compared with the words of Python 3.11 and
3.12; other versions say some things differently.
"""

import json
import random
import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
SAME_WORDS = (3, 11) <= sys.version_info < (3, 13)
NEWER_SYNTAX = sys.version_info >= (3, 11)  # possessive quantifiers, atomic groups, flags at the start only

TEXTS = [
    "", "a", "ab", "abc", "aab", "b", "ba", "aaaa", "abab", "a\n", "a\nb", "\na\n", "a b", "A", "aB", "1", "a1",
    "12.5", "loss: 0.25", "loss: 0.25 acc=1e-3;", "[epoch 3] val_loss=1.5, val_acc=.75", "\xe9", "\xc9", "\xdf", "K",
    "\u017f", "\u0131", "\u0130", "i", "\u0663", "\u2167", "\xb2", "_", "-", "a_b", "x\x1cy", "x\x85y", "x\u2003y",
    "x\u200by", "\t\x0b", "\\", "]", "{", "a{2}", "a{,2}", "a{", "{}", "^", "$", "\U0001f600", "a\U0001f600b",
    "\u6f22\u5b57", "c\r\nd", "\r", "\x00", "aaa\n\n", "z}", "#", "# a",
]  # fmt: skip

# What dialects of regular expressions do not agree on.
TABLE = [
    "(?P<n>a)(?P=n)", r"(?P<n>a)\1", "(?P<gr\xf6\xdfe>a)b", "(a)(?P<n>b)?", r"a\Z", "a$", r"a$\n", "(?m)a$", "(?m)^",
    "(?m)^b", "(?m)^$", "^$", r"\Aa", "a{,2}", "a{,}", "a{2,}", "a{", "a{x}", "a{}", "{", "{}", "x{2", "a{1,2}{3}",
    "a**", "a*?", "a+?b", "a*+a", "a++b", "a?+", "(?>a+)b", "*", "^*", "(?:^)*", "(^)*", "(?=a)*b", "a|*", "(?:)*",
    "()", r"\x41", r"\x4", r"\u00e9", r"\u00e", r"\U0001f600", r"\U0011ffff", r"\ud800", r"[\ud800]", r"[^\ud800]",
    r"[\ud000-\ue000]", r"\0", r"\07", r"\012", r"\141", r"\400", r"\8", r"\1", r"(a)\1", r"(a)\11", r"(a)\141",
    r"(a\1)", r"\q", r"\_", r"\-", "\\\xe9", r"\z", r"\G", r"\h", r"\R", r"\X", r"\K", r"\Q", r"\p{L}",
    r"\N{DIGIT ONE}", r"\cA", r"\e", r"\a", r"[\b]", r"\b", r"[\B]", r"[\A]", r"\d", r"\D", r"\w", r"\W", r"\s",
    r"\S", r"[\d]", r"[\D]", r"[\w]", r"[\W]", r"[\s]", r"[\S]", r"[^\W\d]", r"[^\S\n]", r"\d+", r"\w+", r"\s+",
    r"(?a)\w+", r"(?a)\d", r"(?a)\s", r"(?a)\b.", r"(?a:\w)", r"(?a)\W", r"(?u)\w", "(?a)(?u)x", "(?au)x", "(?i)k",
    "(?ai)k", "(?i)K", "(?ai)[k-s]", "(?i)s", "(?i)i", "(?i)\u0131", "(?i)\xe9", "(?ai)\xe9", "(?ai)[^k]",
    "(?i)[a-z]", "(?i:A)b", "(?i)a(?-i:B)", "(?s).", "(?s).+", ".", ".+", "(?s:a.)b", "(?-s:.)", "(?s)(?-s:.)",
    "(?x) a b # c", "(?x)a # c\n b", "(?x)[ #]", r"(?x)a\ b", "(?x)a {2}", "(?x)( ?:a)", "(?x: a )b", "(?x)a(?-x: )",
    "a(?x) b", "(?x)a + +", "a(?i)", "(?i)a|b", "a|(?i)b", "(?i", "(?i-", "(?i-i:a)", "(?-i)", "(?-:a)", "(?z)",
    "(?i1:a)", "(?L)a", "(?-a:x)", "(?", "(?P", "(?P<", "(?P<n", "(?P<>a)", "(?P<1>a)", "(?P<n>a)(?P<n>b)", "(?P=n)",
    "(?P=", "(?Px)", "(?P>n)", "(?<n>a)", "(?'n'a)", "(?|a|b)", "(?R)", "(?1)", "(?&n)", "(?C1)", "(*ACCEPT)",
    "(*UTF)a", "(?#c)a", "(?#c", "a(?#c)*", "(?(1)a|b)", "(a)?(?(1)b|c)", "(?P<n>a)?(?(n)b|c)", "(?(n)a)", "(?(0)a)",
    "(?(2)a)(b)", "(a)(?(1)b|c|d)", "(?(1", "(?(1)b|c)(a)", "(?<=a)b", "(?<!a)b", "(?<=ab|cd)e", "(?<=a|ab)c",
    "(?<=a*)b", "(?<=a{2})", "(?<=(a))b", r"(a)(?<=\1)b", r"(?<=(a)\1)b", "(?<=^)a", r"(?<=\n)b", "(?<a)b", "(?<=a",
    "(?=a", "(?!a)", "(?!)", "(?:a", "(a", "a)", ")", "(", "[", "[]", "[]]", "[^]]", "[^", "[a", "[a-", "[a-]",
    "[-a]", "[a-c]", "[c-a]", r"[\d-a]", r"[a-\d]", r"[a-\n]", r"[\d-]", r"[a\-c]", "[[a]", "[[:alpha:]]", "[a&&b]",
    "[a--b]", "[^^]", r"[\]]", r"[\\]", r"[\x41-\x43]", r"[\400]", r"[\8]", r"[\q]", "[\xe9-\xfc]", "[\U0001f600]",
    "\U0001f600{2}", "\xe9?", "\\", "a\\", "[\\", "a|", "|a", "||", "(|a)", "(a|ab)(c|bcd)?", "(a*)*", "(a*)+",
    "(a|b)*", "(?:(a)|b)*", "(a?)*?b", "((a)|(b))+", "(?:a|b)??", "(a+|b+)*c?", "a{99999}", "a{4294967295}", "a{3,1}",
    "a{0}", "(a){0}b", "a{0,0}b", r"loss: ([0-9\.]+)", r"acc=([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?);",
    r"\[epoch (\d+)\].*val_loss=([0-9\.]+)", ".*loss=(.*?),", "]", "}", "a b", "#", "a\nb", "(?m)\n^", "\ta", "(\n",
    "a\n(?", "((((a))))", r"\$", r"\^", "[$]", r"[\w.-]+", r"a\b", r"\ba\b", r"\B.",
]  # fmt: skip

PIECES = [
    "a", "b", "c", "1", " ", ".", r"\d", r"\w", r"\s", r"\S", r"\W", "[ab]", "[^a]", "[a-c]", r"[\d.]", r"[^\s]",
    "(a)", "(b|c)", "(?:ab)", "(?P<n%d>a)", "^", "$", r"\b", r"\Z", "|", "(", ")", "(?:", "(?=a)", "(?!b)", "(?<=a)",
    "(?<!b)", "(?>a)", r"\1", "(?(1)", "*", "+", "?", "{2}", "{,2}", "{1,}", "*?", "+?", "*+", "(?i:", "(?s:",
    "(?-i:", "\xe9", "[", "]", "{", "}", "\\", "-", "(?i)", "(?m)",
]  # fmt: skip


class Dialect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @classmethod
    def tearDownClass(cls):
        cls.process.stdin.close()
        cls.process.wait()
        cls.process.stdout.close()

    def ours(self, regex, text):
        self.process.stdin.write(json.dumps({"regex": regex, "text": text}).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def same(self, regex, texts, words=False):
        """Whether Python takes it; fails where the two differ."""
        try:
            pattern = re.compile(regex)
        except (re.error, OverflowError, ValueError) as error:
            answer = self.ours(regex, "")
            self.assertIn("error", answer, f"Python refuses {regex!r}: {error}")
            if words and SAME_WORDS:
                self.assertEqual(answer["error"], str(error), repr(regex))
            return False
        for text in texts:
            match = pattern.search(text)
            groups = [match.group(0), *match.groups()] if match else None
            answer = self.ours(regex, text)
            self.assertEqual(answer.get("groups", answer), groups, f"{regex!r} in {text!r}")
            if match:
                self.assertEqual(answer["begin"], len(text[: match.start()].encode()), f"{regex!r} in {text!r}")
            self.assertEqual(answer["count"], pattern.groups)
        return True

    def test_the_table(self):
        unsupported = {r"\N{DIGIT ONE}": "named characters", r"a{99999}": "beyond 65535"}
        if not NEWER_SYNTAX:
            self.skipTest("Python's expressions before 3.11 were fewer")
        for regex in TABLE:
            with self.subTest(regex=regex):
                if regex in unsupported:
                    self.assertIn(unsupported[regex], self.ours(regex, "")["error"])
                else:
                    self.same(regex, TEXTS, words=True)

    def test_random_expressions(self):
        if not NEWER_SYNTAX:
            self.skipTest("Python's expressions before 3.11 were fewer")
        seed = 20_240_607
        chosen = random.Random(seed)
        taken = 0
        for number in range(12_000):
            pieces = chosen.choices(PIECES, k=chosen.randint(1, 7))
            regex = "".join(piece % number if "%d" in piece else piece for piece in pieces)
            if chosen.random() < 0.5:  # most random texts close nothing
                regex += ")" * max(0, regex.count("(") - regex.count(")"))
            taken += self.same(regex, chosen.sample(TEXTS, 3))
        self.assertGreater(taken, 2_000)

    def test_every_character_is_in_the_same_categories(self):
        for category in (r"\d", r"\s", r"\w", r"(?a)\d", r"(?a)\s", r"(?a)\w", r"(?i)[k-s]", r"(?ai)[k-s]"):
            pattern = re.compile(category)
            wrong = [
                hex(code)
                for code in [*range(0x3400), *range(0xFF00, 0x10000), *range(0x1D7C0, 0x1D800)]
                if bool(pattern.match(chr(code))) != (self.ours(category, chr(code))["groups"] is not None)
            ]
            # Of another release of Unicode's tables, a few.
            self.assertLess(len(wrong), 40 if category in (r"\d", r"\w") else 1, f"{category}: {wrong}")

    def test_numbers(self):
        numbers = """
            1 -1 +5 +-5 1.5 .5 5. . -.5e-3 1e-3 1E+3 1e 1e+ e5 1_000 1__0 _1 1_ 1_.5 1._5 1.5_5 1e1_0 1e_1 0x10 nan
            NaN -nan inf -Infinity +INF infinit 1e999 -1e999 1e-999 0 -0 007 1,5 1% 12.5s 1.2.3 --1 \u00bd 1d5 1f
            true
        """.split()
        alphabet = "0123456789.eE+-_ "
        chosen = random.Random(7)
        numbers += ["".join(chosen.choices(alphabet, k=chosen.randint(1, 6))) for _ in range(3000)]
        for text in [*numbers, "", " ", " 1 ", "\t1\n", "1 2", "1\x00", "\x1c1"]:
            try:
                expected = repr(float(text))
            except ValueError:
                expected = None
            self.process.stdin.write(json.dumps({"number": text}).encode() + b"\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())["number"]
            self.assertEqual(answer if answer is None else repr(float(answer)), expected, repr(text))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
