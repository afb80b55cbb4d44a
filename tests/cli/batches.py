# SPDX-License-Identifier: Apache-2.0
"""Record batches of format 2 made in Python, for tests that need ones with particular fields."""
import struct


def _table():
    for n in range(256):
        for _ in range(8): n = n >> 1 ^ 0x82f63b78 if n & 1 else n >> 1
        yield n


TABLE = list(_table())


def crc32c(data):
    crc = 0xffffffff
    for byte in data: crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def varint(number):
    number = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def sized(data): return varint(-1) if data is None else varint(len(data)) + data


def record(delta, key, value, timestamp_delta=0):
    body = b'\0' + varint(timestamp_delta) + varint(delta) + sized(key) + sized(value) + varint(0)
    return varint(len(body)) + body


def batch(offset, records, producer=-1, epoch=-1, sequence=-1, transactional=False, control=False, timestamp=1_700_000_000_000):
    """`records`: (key, value), or (key, value, milliseconds after `timestamp`)."""
    body = b''.join(record(i, r[0], r[1], *r[2:]) for i, r in enumerate(records))
    newest = timestamp + max(r[2] if len(r) > 2 else 0 for r in records)
    covered = struct.pack('>hiqqqhii', transactional << 4 | control << 5, len(records) - 1, timestamp, newest, producer, epoch,
                          sequence, len(records)) + body
    return struct.pack('>qiibI', offset, 9 + len(covered), 0, 2, crc32c(covered)) + covered


def marker(offset, producer, commit, epoch=0):
    return batch(offset, [(struct.pack('>hh', 0, int(commit)), struct.pack('>hi', 0, 7))], producer, epoch, transactional=True, control=True)
