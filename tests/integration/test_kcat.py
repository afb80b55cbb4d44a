# SPDX-License-Identifier: Apache-2.0
"""kcat 1.7.1 and librdkafka 2.0 as Debian ships them."""
import json

import pytest
from servers import CODECS, run


def kcat(broker, *arguments, **options): return run('kcat', '-b', broker.address, '-q', *arguments, **options)


def consume(broker, topic, *arguments): return kcat(broker, '-C', '-t', topic, '-e', *arguments).stdout


def test_lists_the_broker_and_its_topics(broker, topic):
    kcat(broker, '-P', '-t', topic, input='one\n')
    metadata = json.loads(kcat(broker, '-L', '-J').stdout)
    assert [b['name'] for b in metadata['brokers']] == [broker.address]
    entry = next(t for t in metadata['topics'] if t['topic'] == topic)
    me = metadata['brokers'][0]['id']
    assert entry['partitions'] == [{'partition': 0, 'leader': me, 'replicas': [{'id': me}], 'isrs': [{'id': me}]}]


@pytest.mark.parametrize('codec', CODECS)
def test_lines_come_back_and_the_stored_batch_has_the_codec(broker, topic, codec):
    lines = ''.join(f'line {i} of some text that compresses, compresses, compresses\n' for i in range(1000))
    kcat(broker, '-P', '-t', topic, '-z', codec, '-X', 'linger.ms=60000', '-X', 'batch.num.messages=1000', input=lines)
    assert consume(broker, topic) == lines
    # What librdkafka had taken when it learned of the partition goes first; a few records may not get smaller, and go as they are.
    large = [b for b in broker.batches(topic) if b['count'] > 20]
    assert {b['codec'] for b in large} == {CODECS[codec]} and sum(b['count'] for b in large) > 950


@pytest.mark.parametrize('acks', ['0', '1', 'all'])
def test_each_level_of_acks(broker, topic, acks):
    kcat(broker, '-P', '-t', topic, '-X', f'acks={acks}', input='a\nb\n')
    assert kcat(broker, '-C', '-t', topic, '-c', '2').stdout == 'a\nb\n'


def test_keys_headers_nulls_and_tombstones(broker, topic):
    kcat(broker, '-P', '-t', topic, '-K', ':', '-Z', '-H', 'a=1', '-H', 'a=2', '-H', 'empty=', input='k:v\nk:\n:w\n')
    out = [json.loads(line) for line in kcat(broker, '-C', '-t', topic, '-e', '-J').stdout.splitlines()]
    assert [(m['key'], m['payload']) for m in out] == [('k', 'v'), ('k', None), (None, 'w')]
    assert out[0]['headers'] == ['a', '1', 'a', '2', 'empty', '']


def test_a_record_of_nearly_a_megabyte(broker, topic):
    big = 'x' * 999_000
    kcat(broker, '-P', '-t', topic, '-X', 'message.max.bytes=1100000', input=big)
    assert consume(broker, topic) == big + '\n'


def test_a_record_over_the_limit_is_refused_by_the_broker(broker, topic):
    done = run('kcat', '-b', broker.address, '-P', '-t', topic, '-X', 'message.max.bytes=3000000', input='y' * 2_000_000,
               check=False)
    assert done.returncode != 0
    assert 'Message size too large' in done.stderr


def test_an_idempotent_producer(broker, topic):
    kcat(broker, '-P', '-t', topic, '-X', 'enable.idempotence=true', input=''.join(f'{i}\n' for i in range(10_000)))
    assert consume(broker, topic) == ''.join(f'{i}\n' for i in range(10_000))
    batches = broker.batches(topic)
    assert all(b['producer_id'] >= 0 for b in batches)
    assert [b['sequence'] for b in batches] == [b['base_offset'] for b in batches]


def test_offsets_by_time(broker, topic):
    kcat(broker, '-P', '-t', topic, input='a\nb\nc\n')
    stamps = [int(line) for line in consume(broker, topic, '-f', '%T\n').split()]
    assert f'{topic} [0] offset 0' in kcat(broker, '-Q', '-t', f'{topic}:0:{stamps[0]}').stdout
    assert f'{topic} [0] offset -1' in kcat(broker, '-Q', '-t', f'{topic}:0:{stamps[2] + 1}').stdout
    assert consume(broker, topic, '-o', f's@{stamps[0]}') == 'a\nb\nc\n'


def test_reading_from_an_offset_and_from_the_tail(broker, topic):
    kcat(broker, '-P', '-t', topic, input=''.join(f'{i}\n' for i in range(100)))
    assert consume(broker, topic, '-p', '0', '-o', '97') == '97\n98\n99\n'
    assert consume(broker, topic, '-p', '0', '-o', '-2') == '98\n99\n'


def test_an_offset_out_of_range_is_said(broker, topic):
    kcat(broker, '-P', '-t', topic, input='a\n')
    done = run('kcat', '-b', broker.address, '-C', '-t', topic, '-p', '0', '-o', '500', '-e', '-X', 'auto.offset.reset=error',
               check=False)
    assert 'out of range' in done.stderr.lower()
