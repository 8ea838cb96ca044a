"""Adds up the results of a run: JUnit files of CTest and pytest, and parts that failed as a whole.

The last line is `N passed, N failed`, with `, N skipped` where there are any. A CTest program of cmocka counts as the
tests it ran.
"""

import argparse
import pathlib
import re
import sys
import textwrap
import xml.etree.ElementTree as xml


class Part:
    def __init__(self, name):
        self.name = name
        self.passed, self.failed, self.skipped = 0, [], []
        self.reasons = {}  # of those that failed, where the results have it in a few lines
        self.durations = []


def read_case(part, case):
    name = case.get("name")
    if case.get("classname") and case.get("classname") != name:
        name = f"{case.get('classname')}::{name}"
    output = case.findtext("system-out") or ""
    seconds = float(case.get("time") or 0)
    part.durations.append((seconds, name))
    # pytest writes no status; CTest says run, fail, notrun or disabled.
    status = case.get("status", "run")
    if case.find("skipped") is not None and "SKIP" not in (case.find("skipped").get("message") or "SKIP") \
            and status == "notrun":
        part.failed.append(f"{name} (did not run: {case.find('skipped').get('message')})")
    elif case.find("skipped") is not None or status in ("notrun", "disabled"):
        part.skipped.append(f"{name}: {reason(case)}")
    elif case.find("failure") is not None or case.find("error") is not None or status == "fail":
        inner = sorted(set(re.findall(r"^\[  FAILED  \] (\w+)$", output, re.M)))
        part.failed += [f"{name}: {test}" for test in inner] or [name]
        part.reasons[part.failed[-1]] = why(case)
        part.passed += len(re.findall(r"^\[       OK \]", output, re.M))
    else:
        skipped = re.findall(r"^\[  SKIPPED \] (\w+)$", output, re.M)
        part.skipped += [f"{name}: {test}" for test in sorted(set(skipped))]
        part.passed += max(1, len(re.findall(r"^\[       OK \]", output, re.M))) if not skipped else \
            len(re.findall(r"^\[       OK \]", output, re.M))


def reason(case):
    skipped = case.find("skipped")
    return (skipped.get("message") or "skipped") if skipped is not None else case.get("status")


def why(case):
    """The beginning and the end of what pytest says of it, which may have whole logs in it; of CTest the end of the output."""
    said = [found.get("message") or "" for found in (case.find("failure"), case.find("error")) if found is not None]
    text = said[0] if said and said[0] not in ("", "Failed") else (case.findtext("system-out") or "")[-600:].strip()
    return text if len(text) < 1000 else f"{text[:600]}\n...\n{text[-400:]}"


def read_results(folder):
    parts = []
    for file in sorted(folder.glob("*.xml")):
        part = Part(file.stem.replace("-", " "))
        for case in xml.parse(file).getroot().iter("testcase"):
            read_case(part, case)
        parts.append(part)
    valgrind = Part("valgrind")
    for outcome, file in (("passed", folder / "valgrind.passed"), ("failed", folder / "valgrind.failed")):
        lines = file.read_text().split() if file.exists() else []
        if outcome == "passed":
            valgrind.passed = len(lines)
        else:
            valgrind.failed = lines
    if valgrind.passed or valgrind.failed:
        parts.append(valgrind)
    return parts


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--strict", action="store_true")
    arguments.add_argument("--results", type=pathlib.Path)
    arguments.add_argument("failures", nargs="*")
    options = arguments.parse_args()
    parts = read_results(options.results)

    slowest = sorted((item for part in parts for item in part.durations), reverse=True)[:10]
    if slowest and slowest[0][0] >= 1:
        print("==> slowest")
        for seconds, name in slowest:
            print(f"  {seconds:7.1f} s  {name}")
    for part in parts:
        for name in part.skipped:
            print(f"SKIPPED {part.name}: {name}")
    for part in parts:
        for name in part.failed:
            print(f"FAILED {part.name}: {name}")
            if part.reasons.get(name):
                print(textwrap.indent(part.reasons[name], "    "))
    for name in options.failures:
        print(f"FAILED {name}")
    print("==> parts")
    for part in parts:
        skipped = f", {len(part.skipped)} skipped" if part.skipped else ""
        print(f"  {part.name}: {part.passed} passed, {len(part.failed)} failed{skipped}")

    passed = sum(part.passed for part in parts)
    failed = sum(len(part.failed) for part in parts) + len(options.failures)
    skipped = sum(len(part.skipped) for part in parts)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed or (options.strict and skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
