# SPDX-License-Identifier: Apache-2.0
"""Counts the test cases in a suite's output: count_tests.py LOG EXIT_STATUS prints `PASSED FAILED`.

Knows the summary lines of doctest, of pytest and the plain `N passed, N failed`. A suite without any counts as one case.
A suite that exits non-zero has at least one failure, whatever it printed.
"""
import re
import sys

text = open(sys.argv[1], errors='replace').read()
status = int(sys.argv[2])
passed = failed = 0
for ok, bad in re.findall(r'\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed', text):
    passed, failed = passed + int(ok), failed + int(bad)
for line in re.findall(r'^(?:=+ )?((?:\d+ (?:passed|failed|errors?|skipped|warnings?|deselected)(?:, )?)+)', text, re.M):
    for count, word in re.findall(r'(\d+) (passed|failed|error|skipped)', line):
        if word == 'passed': passed += int(count)
        else: failed += int(count)  # A test that is skipped here is a test that is missing.
if not passed and not failed: passed, failed = (1, 0) if status == 0 else (0, 1)
if status != 0 and failed == 0: failed = 1
print(passed, failed)
