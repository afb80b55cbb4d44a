# SPDX-License-Identifier: Apache-2.0
"""klog's own commands against a real Apache Kafka 4.3.1."""
import json

import pytest
from confluent_kafka import Producer
from servers import CODECS, klog, run


@pytest.mark.parametrize('codec', CODECS)
def test_lines_go_in_and_come_out(kafka, topic, codec):
    lines = ''.join(f'{i} some words that compress, that compress\n' for i in range(5000))
    klog('produce', topic, '--create', '-z', codec, '-b', kafka.address, input=lines)
    assert klog('consume', topic, '-e', '-b', kafka.address).stdout == lines
    assert {b['codec'] for b in kafka.batches(topic)} == {CODECS[codec]}
    assert all(b['producer_id'] >= 0 for b in kafka.batches(topic))


def test_records_cross_over_losslessly_as_json(kafka, topic):
    klog('topic', 'create', topic, '-b', kafka.address)
    run('kcat', '-b', kafka.address, '-P', '-t', topic, '-K', ':', '-Z', '-H', 'a=1', '-H', 'a=2', input='k:v\nk:\n')
    copied = klog('consume', topic, '-e', '-o', 'json', '-b', kafka.address).stdout
    klog('produce', f'{topic}-copy', '--create', '-i', 'json', '-b', kafka.address, input=copied)
    again = klog('consume', f'{topic}-copy', '-e', '-o', 'json', '-b', kafka.address).stdout
    strip = lambda text: [{k: v for k, v in json.loads(line).items() if k not in ('topic', 'leader_epoch')} for line in text.splitlines()]
    assert strip(copied) == strip(again) and len(strip(copied)) == 2


def test_topics_of_kafka(kafka, topic):
    klog('topic', 'create', topic, '-p', '3', '-c', 'retention.ms=1000000', '-b', kafka.address)
    assert topic in klog('topic', 'list', '-o', 'name', '-b', kafka.address).stdout.split()
    (found,) = json.loads(klog('topic', 'describe', topic, '-o', 'json', '-b', kafka.address).stdout)['topics']
    assert len(found['partitions']) == 3
    klog('topic', 'add-partitions', topic, '5', '-b', kafka.address)
    klog('produce', topic, '-p', '4', '-b', kafka.address, input='x\ny\n')
    rows = json.loads(klog('offsets', topic, '-o', 'json', '-b', kafka.address).stdout)
    assert sum(row['end'] - row['start'] for row in rows['partitions']) == 2
    klog('topic', 'delete', topic, '--yes', '-b', kafka.address)
    assert topic not in klog('topic', 'list', '-o', 'name', '-b', kafka.address).stdout.split()


def test_an_unknown_topic_is_exit_3_and_one_line(kafka):
    done = klog('consume', 'no-such-topic-here', '-e', '-b', kafka.address, check=False)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1 and 'UNKNOWN_TOPIC_OR_PARTITION' in done.stderr


def test_aborted_transactions_are_left_out_unless_uncommitted_is_asked_for(kafka, topic):
    klog('topic', 'create', topic, '-b', kafka.address)
    producer = Producer({'bootstrap.servers': kafka.address, 'transactional.id': topic})
    producer.init_transactions(60)
    for word, end in (('kept', producer.commit_transaction), ('aborted', producer.abort_transaction), ('kept too', producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic, word)
        producer.flush(60)
        end(60)
    read = lambda *arguments: klog('consume', topic, '-e', '-b', kafka.address, *arguments).stdout.splitlines()
    assert read() == read('--isolation', 'committed') == ['kept', 'kept too']
    assert read('--isolation', 'uncommitted') == ['kept', 'aborted', 'kept too']
    # Markers take offsets, and are no records.
    assert read('-f', '%o') == ['04'] and read('--offset', '-2') == ['kept too']
