# SPDX-License-Identifier: Apache-2.0
"""`consume -o json | produce -i json` copies any topic exactly. librdkafka, not klog, says what is in the topics."""
import base64
import json
import os
import random
import subprocess

import pytest
from confluent_kafka import Consumer, TopicPartition
from servers import KLOG, klog, run

pytestmark = pytest.mark.usefixtures('broker')
PARTITIONS = 4


def random_bytes(rng):
    """Nothing, text, text full of what JSON has to escape, bytes of any kind, bytes that are nearly UTF-8."""
    kind = rng.randrange(10)
    if kind == 0: return None
    if kind == 1: return b''
    if kind == 2: return rng.randbytes(rng.randrange(1, 40))
    if kind == 3: return ''.join(rng.choice('"\\/\b\f\n\r\t\0\x1f\x7f{}[]:,%') for _ in range(rng.randrange(1, 12))).encode()
    if kind == 4: return ''.join(chr(rng.choice((0xe9, 0x7ff, 0x800, 0x2028, 0xfffd, 0xffff, 0x10000, 0x10ffff, 0x1f600))) for _ in range(rng.randrange(1, 8))).encode()
    if kind == 5: return rng.choice((b'\xed\xa0\x80', b'\xc0\x80', b'\xf4\x90\x80\x80', b'abc\xe2\x82', b'\xef\xbb\xbfbom', b'null', b'{"a":1}', b'\xff'))
    if kind == 6: return rng.randbytes(rng.choice((100, 1000, 3000)))
    return f'text {rng.randrange(1 << 30)}'.encode()


def random_record(rng):
    """(partition, timestamp, key, value, headers)"""
    headers = []
    if rng.randrange(3) == 0:
        # Repeated, without names, without values, with bytes that are no text in values and in names.
        headers = [(rng.choice(('a', 'a', 'b', '', 'é')), random_bytes(rng)) for _ in range(rng.randrange(1, 5))]
    timestamp = rng.choice((-1, 0, 1, 1_700_000_000_123, rng.randrange(1_700_000_000_000)))
    return rng.randrange(PARTITIONS), timestamp, random_bytes(rng), random_bytes(rng), headers


def member(name, content):
    if content is None: return {name: None}
    try: return {name: content.decode()}
    except UnicodeDecodeError: return {f'{name}_base64': base64.b64encode(content).decode()}


def as_json(record):
    partition, timestamp, key, value, headers = record
    return json.dumps({'partition': partition, 'timestamp': timestamp, **member('key', key), **member('value', value),
                       'headers': [{**member('key', name.encode()), **member('value', content)} for name, content in headers]})


def stored(topic, count):
    """All records by partition, as librdkafka reads them."""
    consumer = Consumer({'bootstrap.servers': os.environ['KLOG_BROKERS'], 'group.id': 'unused', 'enable.auto.commit': False})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    by_partition = {p: [] for p in range(PARTITIONS)}
    while count > 0:
        messages = consumer.consume(min(count, 5000), timeout=30)
        assert messages, 'records are missing'
        for m in messages:
            assert m.error() is None, m.error()
            count -= 1
            timestamp = m.timestamp()[1] if m.timestamp()[0] else -1
            by_partition[m.partition()].append((m.offset(), timestamp, m.key(), m.value(), m.headers() or []))
    consumer.close()
    return by_partition


def test_a_pipe_of_json_copies_a_hundred_thousand_random_records_exactly(topic):
    seed = int(os.environ.get('KLOG_TEST_SEED', '20260801'))
    rng = random.Random(seed)
    records = [random_record(rng) for _ in range(100_000)]
    klog('topic', 'create', topic, f'{topic}-copy', '-p', PARTITIONS)
    klog('produce', topic, '-i', 'json', input='\n'.join(map(as_json, records)).encode())
    wanted = {p: [] for p in range(PARTITIONS)}
    for partition, *rest in records: wanted[partition].append((len(wanted[partition]), *rest))
    original = stored(topic, len(records))
    for partition in wanted:
        for mine, theirs in zip(wanted[partition], original[partition], strict=True): assert mine == theirs, seed

    with subprocess.Popen([KLOG, 'consume', topic, '-e', '-o', 'json'], stdout=subprocess.PIPE) as reading:
        writing = subprocess.run([KLOG, 'produce', f'{topic}-copy', '-i', 'json', '-z', 'zstd'], stdin=reading.stdout, timeout=60)
    assert (reading.returncode, writing.returncode) == (0, 0)
    copy = stored(f'{topic}-copy', len(records))
    for partition in original:
        for source, copied in zip(original[partition], copy[partition], strict=True): assert source == copied, seed


def test_what_kcat_prints_with_j_is_taken_as_it_is(topic):
    kcat = lambda *arguments, **options: run('kcat', '-q', '-b', os.environ['KLOG_BROKERS'], *arguments, **options)
    klog('topic', 'create', topic, f'{topic}-copy', '-p', PARTITIONS)
    kcat('-P', '-t', topic, '-p', '1', '-K', ':', '-Z', '-H', 'a=1', '-H', 'a=2', '-H', 'empty=', input='k:v\ngone:\n:no key\nq"\\:\té\x01\n')
    kcat('-P', '-t', topic, '-p', '2', input='plain\n')
    printed = kcat('-C', '-t', topic, '-e', '-J').stdout
    assert len(printed.splitlines()) == 5 and '"payload":' in printed
    klog('produce', f'{topic}-copy', '-i', 'json', input=printed)
    original, copy = stored(topic, 5), stored(f'{topic}-copy', 5)
    assert original == copy
    assert [(key, value) for _, _, key, value, _ in copy[1]] == [(b'k', b'v'), (b'gone', None), (None, b'no key'), (b'q"\\', '\té\x01'.encode())]
    assert copy[1][0][4] == [('a', b'1'), ('a', b'2'), ('empty', b'')]


def test_json_that_is_none_names_its_record_and_byte_and_what_was_acknowledged(topic):
    done = klog('produce', topic, '--create', '-i', 'json', input='{"value":"a"}\n{"value":"b"}\n{"value":\n{"value":"d"}\n', check=False)
    assert done.returncode == 1
    error, through = done.stderr.splitlines()
    assert error.startswith(f'klog: {topic}: record 3, which begins at byte 28: not a JSON record: ')
    assert through == 'klog: acknowledged through input record 2, byte 28'
    assert klog('consume', topic, '-e').stdout == 'a\nb\n'
