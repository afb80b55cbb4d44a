#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the first inputs of fuzz_records out of the entries that Kafka wrote (tests/records/data/java.txt).

Usage: fuzz_corpus.py FOLDER
"""
import pathlib
import sys

data = pathlib.Path(__file__).parent / 'data' / 'java.txt'
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
SIZE_MAX = 6000
RULES = (0, 2, 4, 12, 20, 28, 36)  # Append time, each codec as the topic's: take_produced() in fuzz_records.cc.
for line in data.read_text().splitlines():
    kind, _, rest = line.partition(' ')
    if kind == 'case': name = rest
    if kind != 'bytes' or len(entry := bytes.fromhex(rest)) > SIZE_MAX: continue
    (folder / f'log-{name}').write_bytes(b'\0\0' + entry)
    if not name.startswith('v2'): continue
    for rules in RULES: (folder / f'produced-{name}-{rules}').write_bytes(bytes([1, rules]) + bytes(8) + entry[8:])
    codec = entry[22] & 7
    if codec: (folder / f'stream-{name}').write_bytes(bytes([2, codec - 1]) + entry[61:])
