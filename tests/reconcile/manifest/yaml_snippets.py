"""Snippets of YAML by families, for the comparison with kubectl's own reader (test_kubectl_reader.py).

FAMILIES maps a name to what stands in a file. A text is the value of something: it is read as it is, and once more as a part of an
object, under `spec.value`. WHOLE are files in which the place counts (separators, marks, line ends); `@` is the object's name there.
"""

import itertools

# ---- scalars ----------------------------------------------------------------------------------------------------------------

WORDS = ("y Y yes Yes YES yEs n N no No NO nO on On ON oN off Off OFF oFF true True TRUE tRUE false False FALSE t f T F null Null NULL "
         "nULL ~ ~~ none None nil undefined .inf .Inf .INF -.inf +.inf .iNF inf -inf Infinity .nan .NaN .NAN nan NaN").split()
INTEGERS = ("0 -0 +0 00 007 08 09 0777 -0777 0o7 0O7 0o8 -0o7 +0o7 0x1F 0X1f 0x -0x1 +0xff 0xg 0b11 0B11 0b2 0b -0b1 -0b11 1_000 1__0 _1 1_ "
            "0x_f 0b1_1 0_7 +1 ++1 1- 12e 1,000 9223372036854775807 -9223372036854775808 9223372036854775808 18446744073709551615 "
            "18446744073709551616 -9223372036854775809 0x7fffffffffffffff 0xffffffffffffffff 0x10000000000000000 123456789012345678901234567890 "
            "0987654321987654321 0b" + "1" * 63 + " 0b" + "1" * 64 + " 0o777777777777777777777 0x1p4 0x1.8p1 9007199254740993").split()
FLOATS = ("1.0 1. .5 -.5 +.5 0.1 -0.0 1e3 1E3 1e+3 1e-3 1.5e300 1e308 1e309 -1e309 1e400 4.9e-324 1e-400 1.e1 .e1 . -. 1..2 1.2.3 1e 1e+ e1 1_0.5 "
          "._1 1._5 .5_ 1e1_0 1.0f 3.14159265358979323846 0.30000000000000004 100000000000000000000.0 123456789.123456789 1e21 1e20 1e-7 "
          "2.5e-7 5e-1 +1e3 -1.e-1 00.5 01.5 08.5 0.1e2 1e0 1.0e10 123456789012345678.0 9007199254740993.0").split()
SEXAGESIMALS = "1:30 190:20:30 190:20:30.15 -1:30 0:0 12:30:45 1:60 01:30 10:30:00.5 22:22 0:59:59 8080:80".split()
DATES = ("2026-01-02 2026-1-2 2026-01-02T03:04:05Z 2026-01-02t03:04:05z 2026-01-02T03:04:05.678+01:00 2026-02-30 2026-13-01 20260102 "
         "2026-01 2026").split() + ["2026-01-02 03:04:05", "2026-01-02 03:04:05 +1", "2026-01-02T03:04:05 Z", "2001-12-14t21:59:43.10-05:00"]
SIGNS = "= < << > @x `x %x !x &x *x ? - -- --- ... , ,x [ ] { } # #x a#b |x >x : :x x: a:b ::: -x ?x ?- -:x 'x \"x x' x\"".split()

# ---- quotes and blocks ------------------------------------------------------------------------------------------------------

ESCAPES = [r"\0", r"\a", r"\b", r"\t", r"\n", r"\v", r"\f", r"\r", r"\e", r"\ ", r"\"", r"\/", r"\\", r"\N", r"\_", r"\L", r"\P", r"\x41", r"\x80",
           r"\xff", r"\u00e9", r"\u2028", r"\ufeff", r"\ufffe", r"\U0001F418", r"\U00110000", r"\uD83D\uDC18", r"\ud800", r"\udc18", r"\'", r"\z", r"\x4",
           r"\u12", r"\U1234", r"\u0000", r"\u0085", r"\u001b", r"\x7f", "\\\n  b", "\\\n\n  b", "\t", "\\\t", "x\n\n\n  b", "x  \n  b", "  \n  b\n  ",
           "é", "🐘", "\u200b", "\u202e", "\ufeff", "\u0085", "\u2028", "\u2029", "\xa0", "\x7f", "\x01", "\x1b", "\ufffe", "\x9b", "\ue000"]
QUOTED = ["'it''s'", "''", "''''", '""', "'a\n\n  b'", "'a\\n'", "'a\n  b'", '"a\n  b"', '"a # b"', "'a # b'", '"yes"', "'0x1F'", '"null"', "'~'",
          "'a' # c", "'a'#c", "'a' b", "\"a\"b", "'a", '"a', '"a\n---\nb"', '"a\n... b"', "'a\n\t\tb'", '"a \n b"', '"\n"', "' '", '" a "', '"a\\n\n  b"',
          "'a: b'", "\"a\\\n\n    b\"", '"a\n  \n  b"']
PLAIN = ["a\n  b", "a\n\n  b", "a\n\n\n  b", "a # c", "a #c", "a#c", "a\n  # c\n  b", "a: b", "a :b", "a,b", "a]b", "a}b", "a{b", "a\tb", "a\t# c", "a \t",
         "a\n  - b", "a\n  ? b", "-\n", "- ", "a - b", "http://example.org:80/a?b#c", "C:\\Windows", "a\n  'b'", "@", "a@b", "100%", "*.example.org",
         "a\\nb", "a\n\tb", "a\n \tb", "!!", "a!b", "é", "a\xa0b", "\xa0a", "a\u2028b", "a\u0085b", "a\ufeffb", "\ufeffa", "a\x7fb", "a\u200bb", "🐘"]
TEXTS = ["a", "a\nb", "a\n\nb", "a\n\n\n", "\na", " a\nb", "a\n b\nc", "a\n\n b\n\nc", "", "\n", "# a", "a # b", "- a\n- b", "\ta", "a\t\n", "a  \nb"]


def blocks():
    """Every indicator over every text: | and >, what happens to the line ends at the end, and the indentation said or found."""
    for style, chomping, text in itertools.product("|>", ("", "-", "+"), TEXTS):
        yield f"a: {style}{chomping}\n" + "".join(f"  {line}\n" if line else "\n" for line in text.split("\n")) + "b: 1\n"
    for head in ("|2", "|1", ">2", "|2-", "|-2", ">+1", "|9", "|0", "|10", "|a", "| a", "|# c", "| # c", "|+-", "|22", "|\t", ">\t# c"):
        yield f"a: {head}\n    x\n   y\n  z\nb: 1\n"
    for text in ("a: |\n x\n  y\nb: 1\n", "a: |\n  x\n y\nb: 1\n", "a: |\nb: 1\n", "a: |\n\n\nb: 1\n", "a: |\n  x", "a: >-\n  x", "a: |+\n  x\n\n", "a: |+\n\n",
                 "a: |-\n  x\n\n\n", "- |\n a\n- >\n b\n", "- |\n\n  a\n", "a: |\n    \n  x\n", "a: |\n  x\n# c\nb: 1\n", "a: |\n  x\n  # c\n", "a: |\n\tx\n",
                 "a: |\n  x\n\t\nb: 1\n", "a:\n  b: |\n   x\n  c: 1\n", "a: >\n  x\n   y\n  z\n", "a: >\n\n  x\n\n\n  y\n", "a: |\n  x\u2028y\n", "a: |\n  x\u0085y\n",
                 "a: >\n  x\u2028y\n", "a: >\n  x\u0085  y\n", "- |-\n  é\n", "a: |\n  \ufeffx\n", "a: |1\n  x\n", "- - |\n   x\n", "- a: |\n   x\n  b: 1\n", "? |\n  k\n: 1\n",
                 "a: !!str |\n  1\n", "a: &x |\n  1\nb: *x\n", "a: >2\n\n   x\n  y\n", "a: |\n  x\n   \n", "a: |-\n  x\n   \n", "a: |+\n  x\n   \n", "a: |\n  x\x7f\n", "a: |\n  \x01\n"):
        yield text


def in_quotes():
    return [f'a: "{escape}"\nb: 1\n' for escape in ESCAPES]


def after_key(values):
    return [f"a: {value}\nb: 1\n" for value in values]


def everywhere(values):
    """The same scalar as a value, a key, an item, in flow style."""
    return [text for value in values for text in (f"a: {value}\n", f"{value}: a\n", f"[{value}, x]\n")]


# ---- collections, keys, anchors ---------------------------------------------------------------------------------------------

KEYS = ["1: a", "1: a\n\"1\": b", "true: a", "yes: a\ntrue: b", "null: a", "~: a", ": a", "\"\": a", "1.5: a", "1.0: a", "0x1F: a", "1e3: a", ".inf: a", ".nan: a", "-0.0: a",
        "? a", "? a\n: b", "? [a]\n: b", "? {a: 1}\n: b", "{a: 1}: b", "[a]: b", "{{ a }}: b", "a: {{ b }}", "? |\n  x\n: b", "a: 1\na: 2", "a: 1\n\"a\": 2", "{a: 1, a: 2}",
        "a: 1\nA: 2", "2026-01-02: a", "a b: c", "a:b: c", "'a': 1", "a : 1", "a:  1", "a:\t1", "\ta: 1", "a: b: c", "a:\n- b\n- c", "a:\n  - b\n - c", "- a\nb: 1", "a: 1\n- b",
        "a:\n b: 1\n  c: 2", "a: 1\n b: 2", "!!str 1: a", "&k a: 1\nb: *k", "*k : 1", "&k a: 1\n*k : 2", "=: a", "<: a", "190:20: a", "123456789012345678901234567890: a",
        "9223372036854775808: a", "12345678.9: a", "0.1: a", "16777217.0: a", "1e100: a", "-: a", "? : b", "? a\n? b", "a: 1\n? b\n: c", "a:1", "a: 1\n\nb: 2", "1_000: a", "é: a", "🐘: a",
        "\u200ba: 1", "a\u2028: 1", "\"a\\u0000b\": 1", "\"a\\nb\": 1", "0o7: a\n7: b", "on: push"]
FLOWS = ["{}", "[]", "{a}", "{a, b: }", "{a:}", "{a:1}", "{a: 1,}", "[1,]", "[,]", "[a, , b]", "{a: [1, {b: 2}]}", "[a: 1]", "[a: 1, b: 2]", "[? a : b]", "{? a : b}", "{\"a\":1}", "{'a':1}",
         "{\"a\": 1, \"b\": [true, null]}", "[a,\nb]", "{a: 1\n}", "[\n]", "{a: b c, d: e}", "{a: -1, b: - }", "[-]", "[- a]", "[a b]", "{a: 'b', c: \"d\"}", "{a: *x}", "[&x a, *x]",
         "{a: # c\n 1}", "[a # c\n, b]", "[a#c]", "[a", "{a: 1", "]", "}", "[a]]", "{a: 1}}", "[a] b", "{a: 1} # c", "a: {b: 1}\nc: [2]", "{a: http://x}", "[http://x, b]", "{a: b:c}", "[a, [b, [c]]]",
         "{: a}", "{\"\": a}", "[\"a\": 1]", "{a: 1, <<: {b: 2}}", "[yes, no, on, off, y, n]", "[1, 0o7, 0x1, 1.0, ~, ]", "{a: |}", "[|\n a]", "[\t]", "{\ta: 1}", "{a: 1, \n\tb: 2}", "{a:\t1}", "[a,b,c]",
         "{a: !!str 1}", "[!!null ]", "{{a: 1}: b}", "{[a]: b}", "[{a: 1}, {b: 2}]", "{a:\n  b}", "[?a]", "{?a: 1}", "[a:b]", "{a::b}"]
ANCHORS = ["a: &x 1\nb: *x", "a: &x [1, 2]\nb: *x\nc: *x", "a: &x {k: v}\nb: *x", "a: *x", "a: &x *x", "a: &x\n  b: *x", "a: &x 1\nb: &x 2\nc: *x", "a: &x\nb: *x", "a: &x |\n  t\nb: *x", "&a b: 1",
           "a: & 1", "a: &x-y_z 1\nb: *x-y_z", "a: &é 1\nb: *é", "a: &x: 1", "a: *x b", "a: &x 1\nb: [*x, *x]", "a: &x 1\nb: [*x,*x]", "a: &x 1\nb: {k: *x}", "&r\na: 1", "- &x a\n- *x", "a: &x 'yes'\nb: *x",
           "a: &x yes\nb: *x", "a: &x &y 1", "a: &x !!str 1", "a: !!str &x 1", "a: &x\n  - 1\nb: *x", "a: &1 1\nb: *1", "a: \"*x\"", "a: &x.y 1\nb: *x.y", "a: &x 1\n*x: 2"]
MERGES = ["b: &b {x: 1, y: 2}\na:\n  <<: *b\n  x: 3", "b: &b {x: 1}\na:\n  x: 3\n  <<: *b", "b: &b {x: 1}\nc: &c {x: 2, y: 3}\na:\n  <<: [*b, *c]", "a:\n  <<: {x: 1}\n  y: 2", "a:\n  <<: 1", "a:\n  <<: [1]",
          "a:\n  <<: ~", "a:\n  <<: []", "a:\n  \"<<\": {x: 1}", "b: &b {x: 1}\na:\n  <<: *b\n  <<: *b", "b: &b {x: {p: 1}}\na:\n  <<: *b\n  x: {q: 2}", "b: &b {x: 1}\nc: &c\n  <<: *b\n  y: 2\na:\n  <<: *c\n  z: 3",
          "<<: {a: 1}", "<<: {a: 1}\nb: 2", "b: &b [1]\na:\n  <<: *b", "a: <<", "- <<", "a: {<<: {x: 1}, x: 2}", "a: {x: 2, <<: {x: 1}}", "a:\n  <<: [{x: 1}, {x: 2}]", "a:\n  !!merge <<: {x: 1}",
          "a:\n  <<: {1: x}\n  \"1\": y", "a:\n  <<: {yes: x}\n  true: y", "a:\n  <<:\n    x: 1\n  y: 2", "a:\n  <<: {x: 1, x: 2}", "a:\n  <<: {<<: {x: 1}}", "a: &a\n  <<: *a"]
TAGS = ["a: !!str 1", "a: !!str yes", "a: !!str", "a: !!int \"1\"", "a: !!int 1", "a: !!int x", "a: !!float 1", "a: !!float 1.5", "a: !!bool yes", "a: !!bool \"yes\"", "a: !!null ~", "a: !!null x",
        "a: !!binary aGVsbG8=", "a: !!binary /w==", "a: !!binary \"aGVs\n  bG8=\"", "a: !!binary %%%", "a: !!timestamp 2026-01-02", "a: !!seq [1]", "a: !!map {b: 1}", "a: !!set {b}", "a: !!omap [b: 1]",
        "a: !!pairs [b: 1]", "a: !custom 1", "a: !custom [1]", "a: !custom {b: 1}", "a: ! 1", "a: ! x", "a: !<tag:yaml.org,2002:str> 1", "a: !<x> 1", "a: !!unknown 1", "a: !e!x 1", "!!map\na: 1", "!x\na: 1",
        "- !!str 1\n- !!str no", "!!str a: 1", "a: !Ref b", "a: !Sub\n  - b\n  - c", "a: !vault |\n  secret\n", "a: !!str 2026-01-02", "a: !!float .inf", "a: !!str ~", "a: !!merge x"]
INDENTS = ["a:\n    b: 1\n    c: 2", "a:\n b:\n  c:\n   d: 1", "a:\n\tb: 1", "a:\n  b: 1\n\tc: 2", "- - a\n  - b", "- a: 1\n  b: 2\n- c: 3", "-   a: 1\n    b: 2", "- a\n-b", "-\n  a", "-\n- a", "- - - a", "a:\n-\n- b",
           "a:\n\n\n  b: 1", "a:\n  # c\n  b: 1\n # d\n  c: 2", "# c\na: 1\n# d", "  a: 1\n  b: 2", " a: 1\nb: 2", "a: 1 \nb: 2\t", "a:\n  b: 1\n \n  c: 2", "a:\n  b: 1\n\t\n  c: 2", "a:\n  - b\n  -\tc", "-\ta", "- \ta: 1",
           "a: \t1", "a: 1\n\n\n", "a:\n- b:\n  - c", "a: [1,\n2]\nb: 3", "a: \"x\n y\"\nb: 1", "a:\n  b\n  c", "a:\n  b\n  c: 1"]


def nested(opening, inner, closing, depth):
    return opening * depth + inner + closing * depth + "\n"


def deep():
    return [nested("[", "1", "]", 20), nested("{a: ", "1", "}", 20), nested("- ", "a", "", 40), nested("[", "", "]", 63), nested("[", "", "]", 64), nested("[", "", "]", 65),
            nested("{a: ", "1", "}", 70), "".join("  " * i + "a:\n" for i in range(30)) + "  " * 30 + "b\n", nested("- ", "a", "", 80)]


def long_lines():
    return [f"a: {'x' * 70000}\n", f"{'k' * 900}: 1\n", f"{'k' * 1100}: 1\n", f"? {'k' * 1100}\n: 1\n", f"a: \"{'x y ' * 20000}\"\n", f"a: {'1' * 400}\n", f"a: {'1' * 401}\n", f"a: 1.{'0' * 500}\n",
            f"a: |\n  {'x' * 70000}\n", f"# {'c' * 70000}\na: 1\n", f"\"{'k' * 1022}\": 1\n", f"\"{'k' * 1200}\": 1\n", f"{{\"{'k' * 1200}\": 1}}\n", f"{{{'k' * 1200}: 1}}\n", "a: " + "9" * 5000 + "\n",
            f"a: [{', '.join('1' * 5000)}]\n", f"a: x{' ' * 5000}y\n", f"{'a b ' * 300}: 1\n"]


FAMILIES = {
    "words": everywhere(WORDS),
    "integers": after_key(INTEGERS),
    "floats": after_key(FLOATS),
    "sexagesimals": everywhere(SEXAGESIMALS),
    "dates": after_key(DATES),
    "signs": after_key(SIGNS) + [f"{sign}\n" for sign in SIGNS],
    "escapes": in_quotes(),
    "quoted": after_key(QUOTED),
    "plain": after_key(PLAIN),
    "blocks": list(blocks()),
    "keys": [f"{text}\n" for text in KEYS],
    "flows": [f"{text}\n" for text in FLOWS],
    "anchors": [f"{text}\n" for text in ANCHORS],
    "merges": [f"{text}\n" for text in MERGES],
    "tags": [f"{text}\n" for text in TAGS],
    "indents": [f"{text}\n" for text in INDENTS],
    "deep": deep(),
    "long": long_lines(),
}

# ---- whole files ------------------------------------------------------------------------------------------------------------

A = "apiVersion: tests.pgitops.dev/v1\nkind: Thing\nmetadata: {name: @-a}\nspec: {value: 1}\n"
B = A.replace("@-a", "@-b")
JA = '{"apiVersion": "tests.pgitops.dev/v1", "kind": "Thing", "metadata": {"name": "@-a"}, "spec": {"value": 1}}'
JB = JA.replace("@-a", "@-b")
PRETTY = JA.replace("{", "{\n  ").replace(", ", ",\n  ")
MARK = "\ufeff"
TAIL = A.replace("spec: {value: 1}\n", "spec:\n  value: ")
HEAD = "apiVersion: v1\nkind: List\n"


def item(text, first="- ", rest="  "):
    return "".join((first if not number else rest) + line + "\n" for number, line in enumerate(text.splitlines()))


STREAMS = [
    A + "---\n" + B, "---\n" + A + "---\n" + B, A + "---\n---\n" + B, A + "--- \n" + B, A + "---\t\n" + B, A + "--- # c\n" + B, A + "---# c\n" + B, A + "---#c\n" + B, "---# c\n" + A, "--- # c\n" + A,
    "---\n", "---\n---\n", "", "\n", "# c\n", "# c\n---\n# d\n", "---\n# c\n---\n" + A, "null\n", "~\n---\n" + A, "--- ~\n---\n" + A, A + "---\nnull\n", A + "---", A + "---\n", A + "--- ", A + "\n---\n\n" + B,
    A + "...\n---\n" + B, A + "...\n" + B, A + "...\n", "...\n" + A, A + "...\n...\n", A + "... # c\n---\n" + B, A + "...x\n", "--- " + A, "--- {a: 1}\n", "--- |\n  x\n", "--- text\n", "--- &x\n" + A, "--- !!map\n" + A,
    A + " ---\n" + B, A + "--\n" + B, A + "----\n" + B, A + "---x\n" + B, A + "--- x\n", TAIL + "|\n    a\n---\n" + B, TAIL + "|\n    a\n    ---\n    b\n", TAIL + '"a\n    --- b"\n', TAIL + "a\n---\n" + B,
    "%YAML 1.1\n---\n" + A, "%YAML 1.2\n---\n" + A, "%YAML 1.3\n---\n" + A, "%YAML 2.0\n---\n" + A, "%YAML 1.1\n" + A, "%TAG ! tag:x,2026:\n---\n" + A, "%FOO bar\n---\n" + A, "%YAML 1.1\n%YAML 1.1\n---\n" + A, "# c\n%YAML 1.1\n---\n" + A,
    A + "...\n%YAML 1.1\n---\n" + B, A + "---\n%YAML 1.1\n---\n" + B, A + "%YAML 1.1\n---\n" + B,
    JA, JA + "\n", JA + JB, JA + "\n" + JB + "\n", JA + " " + JB, JA + "\n\n" + JB, JA + "\n---\n" + JB, JA + "\n---\n" + B, A + "---\n" + JB, "---\n" + JA + "\n---\n" + JB, JA + ",\n" + JB, "[" + JA + ", " + JB + "]\n", JA + "\nx", JA + "}",
    PRETTY, PRETTY + "\n" + PRETTY.replace("@-a", "@-b"), PRETTY + PRETTY.replace("@-a", "@-b"), JA + "# c\n", "# c\n" + JA, "  " + JA, "\n\n" + JA + "\n\n", JA.replace('"', "'"), JA.replace("}}", "},}"), JA + "\n" + B, JA + "---\n" + JB,
    JA + "\n---\n" + JB + JA.replace("@-a", "@-c"), JA + JB + "\n---\n" + JA.replace("@-a", "@-c"), JA + "\n---\n---\n" + JB, JA + "\n--- # c\n" + JB, JA + "\n...\n" + JB, JA + "\n# c\n---\n" + JB, "---\n" + JA + "\n" + JB, "---\n" + JA + JB, JA + "null" + JB, JA + "\ntrue\n",
    '{"a": 1}{"a": 2}', '{"a": 1} {"a": 2}\n', '{"a": 1, "a": 2}', '{"a": 1e999}', '{"a": 1.0}', '{"a": 10000000000000000000000}', '{"a": 9223372036854775808}', '{"a": 0.1e1}', '{"a": -0}', '{"a": "\\/"}', '{"a": "\\ud83d\\udc18"}',
    '{"a": "\\ud800"}', '{"a": "\\u0000"}', '{"a": "\t"}', '{"a": "x\ny"}', '{"a": .5}', '{"a": 01}', '{"a": +1}', '{"a": yes}', '{"a": 0x1}', '{"a": nan}', '{"a": tru}', '{"": 1}', '{"a": 1,}', "{a: 1}", "[]", "[1]", '"a"', "1", "true", "{}", "{} {}", "[] []",
    '{"a": "\u2028"}', '{"a": "\x7f"}', '{"a": "é"}', '{"a":"b" }\t', '{"a": 1}\r\n{"a": 2}\r\n', '{"a": "\\ud83d"}\n', '{"a": "\\udc18\\ud83d"}', '{"a": "\\x41"}', '{"a": "\\U0001F418"}', '{"<<": {"b": 1}}', '{"a": {"<<": {"b": 1}}}', '{"a": "it\'s \\ud83d\\udc18"}',
    '{"a": "# \\ud83d\\udc18 {"}', '{"a": 1} # c', '{"a": 1 # c\n}', "{'a': 1}", '{"a" 1}', '{"a"}', '{"a":}', "{", "}", '{"a": [1, 2', '{"a": NULL}', '{"a": 12345678901234567}', '{"a": 1E5}', '{"a": 1.5E+3}', '{"a": "1"}', '{"yes": 1}', '{"null": 1}', '{"a": -}', '{"a": 1 }{', "{}x", "{}\n{}\nx: 1\n",
    MARK + A, MARK + "---\n" + A, A + "---\n" + MARK + B, A + MARK + "---\n" + B, MARK + JA, MARK + MARK + A, A + MARK, MARK, "---\n" + MARK + A, "\n" + MARK + A, TAIL + "a" + MARK + "b\n", TAIL + MARK + "b\n", MARK + "# c\n" + A, JA + "\n" + MARK + JB,
    A.replace("\n", "\r\n"), A.replace("\n", "\r\n") + "---\r\n" + B.replace("\n", "\r\n"), A.replace("\n", "\r"), A + "---\r\n" + B, TAIL + "|\r\n    a\r\n    b\r\n", TAIL + '"a\r\n    b"\r\n', TAIL + "a\r\n    b\r\n", TAIL + "|+\r\n    a\r\n\r\n", TAIL + "'a\rb'\n", TAIL + "|\n    a\rb\n", TAIL + "a\r\r\n",
    A + "---\r" + B, A.replace("\n", "\n\r"), TAIL + ">\r\n    a\r\n    b\r\n\r\n    c\r\n", "# c\r\n" + A, "\r\n" + A, A + "\x85---\n" + B, A + "\u2028---\n" + B,
    TAIL + "|\n    a", TAIL + "|\n    a\n\n", TAIL + "|+\n    a", TAIL + "|-\n    a", TAIL + "a", TAIL + '"a"', TAIL + "|\n    a\n ", TAIL + "|\n    a\n    ", TAIL + "|\n    a\n  # c", TAIL + "|\n    a\n---", TAIL + "|+\n    a\n---\n" + B, TAIL + "|+\n    a\n\n---\n" + B, TAIL + ">\n    a", TAIL + "|", TAIL + "|\n",
    HEAD + "items:\n" + item(A) + item(B), HEAD + "items: []\n", HEAD + "items:\n", HEAD, HEAD + "items: {}\n", HEAD + "items: 1\n", HEAD + "items: [1]\n", HEAD + "items: [null]\n", HEAD + "items:\n" + item(HEAD + "items:\n" + item(A)), HEAD + "metadata: {}\nitems:\n" + item(A) + "---\n" + B,
    "apiVersion: tests.pgitops.dev/v1\nkind: ThingList\nitems:\n" + item(A) + item(B), "apiVersion: tests.pgitops.dev/v1\nkind: ThingList\nitems:\n- metadata: {name: @-a}\n  spec: {value: 1}\n", "apiVersion: tests.pgitops.dev/v1\nkind: ThingList\nitems: []\n", "apiVersion: tests.pgitops.dev/v1\nkind: ThingList\n",
    "apiVersion: v1\nitems:\n" + item(A), "kind: List\nitems:\n" + item(A), HEAD + "items:\n" + item(A) + "items: []\n", HEAD + "Items:\n" + item(A), "apiVersion: tests.pgitops.dev/v1\nkind: Thing\nmetadata: {name: @-a}\nitems: []\n", "apiVersion: tests.pgitops.dev/v1\nkind: Thing\nmetadata: {name: @-a}\nitems:\n" + item(B),
    "apiVersion: v1\nkind: List\nitems:\n- &x\n" + item(A, "  ") + "- <<: *x\n  metadata: {name: @-b}\n", '{"apiVersion": "v1", "kind": "List", "items": [' + JA + "," + JB + "]}", "a: 1\n---\nb: [\n---\n" + A, "\t\n" + A, "\t# c\n" + A, "\x00", A + "\x00", "a: \x01\n", "\x1b[0m: 1\n", b"a: \xff\n", b"\xff\xfea\x00", b"a: \xed\xa0\x80\n", b"a: \xc0\x80\n",
    b"a: \xf4\x90\x80\x80\n", b"# \xe9\na: 1\n", b"a: '\xe9'\n", b"a: \xc3\n", "#" + A, "#\n#\n\n" + A, A + "#", A + "\n\n#c", "apiVersion: tests.pgitops.dev/v1\nkind: Thing\nmetadata: {name: @-a}\nspec: {value: 1, value: 2}\n",
    A.replace("kind: Thing", "kind: !!str Thing"), A.replace("kind: Thing", "kind: 'Thing'"), A.replace("@-a", "'@-a'"), A.replace("{name: @-a}", "{name: @-a, namespace: ''}"), A.replace("{name: @-a}", "{name: @-a, labels: {a: yes}}"), A.replace("{name: @-a}", "{name: @-a, labels: {a: 1}}"),
    A.replace("{name: @-a}", "{name: @-a, annotations: {a: ~}}"), A.replace("{name: @-a}", "{name: @-a, annotations: ~}"), A.replace("metadata:", "Metadata:"), A.replace("{name: @-a}", "[@-a]"), A.replace("Thing", "1"), A.replace("{name: @-a}", "{name: 1}"), A.replace("{name: @-a}", "{name: ~}"), A + "status: ~\n", A + "extra: 1\n", A.replace("spec:", "SPEC:"),
]

FAMILIES_WHOLE = {"streams": STREAMS}
