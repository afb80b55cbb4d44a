# SPDX-License-Identifier: Apache-2.0
"""klog dump-segment -o kafka against the real DumpLogSegments, byte for byte: every format and codec, the files of klog
and of Kafka, the records of its coordinators."""
import pathlib
import shutil
import sys

import pytest
from servers import Kafka, Klog, TOP, kafka_tool, klog, run
from test_files import DUMP, fill

sys.path.insert(0, str(TOP / 'tests' / 'cli'))
from batches import batch, marker

# Of klog: of Kafka.
MODES = {'': '', '--deep-iteration': '--deep-iteration', '-r': '--print-data-log --deep-iteration',
         '-r --skip-record-metadata': '--print-data-log --skip-record-metadata'}


def ours(files, *options): return klog('dump-segment', '-o', 'kafka', *options, *files).stdout


def theirs(files, *options): return kafka_tool(DUMP, *options, '--files', ','.join(map(str, files))).stdout


def same(files, modes=MODES):
    for mine, other in modes.items(): assert ours(files, *mine.split()) == theirs(files, *other.split()), mine


def test_every_format_and_codec(tmp_path):
    """What Kafka's classes of all formats wrote, one file each."""
    files, current = [], None
    for line in (TOP / 'tests' / 'records' / 'data' / 'java.txt').read_text().splitlines():
        kind, _, rest = line.partition(' ')
        if kind == 'case':
            current = tmp_path / rest / f'{0:020}.log'
            current.parent.mkdir()
            files.append(current)
        elif kind == 'bytes':
            with open(current, 'ab') as file: file.write(bytes.fromhex(rest))
    assert len(files) > 10
    different = [f'{path.parent.name} {mine}' for mine, other in MODES.items()
                 for path, a, b in zip(files, ours(files, *mine.split()).split('Dumping ')[1:], theirs(files, *other.split()).split('Dumping ')[1:])
                 if a != b]
    assert different == []


def test_transactions_tombstones_and_text_that_is_none(tmp_path):
    path = tmp_path / f'{0:020}.log'
    path.write_bytes(batch(0, [(b'k', None), (None, b'\xff\xc3\x28\xe2\x82'), (b'', b'')], 5, 1, 0, transactional=True) + marker(3, 5, True, 1)
                     + marker(4, 5, False, 1) + batch(5, [('zürich'.encode(), b'"\t\n')]))
    same([path])


def test_the_files_of_klog(tmp_path, topic):
    with Klog(log_segment_bytes=1_048_576) as server:
        fill(server.start(), topic, rounds=1)
        assert server.stop() == 0
        folder = tmp_path / f'{topic}-0'
        shutil.copytree(server.partition_folder(topic), folder)
    files = sorted(p for p in folder.glob('0*') if p.suffix in ('.log', '.index', '.timeindex', '.txnindex', '.snapshot'))
    assert len({p.suffix for p in files}) >= 4
    assert ours(files) == theirs(files)


def state_files(server, topic, tmp_path):
    """Copies of the logs of a topic of the coordinators that have anything in them."""
    copies = []
    for folder in sorted(server.partition_folder(topic).parent.glob(f'{topic}-*')):
        for path in folder.glob('*.log'):
            if path.stat().st_size == 0: continue
            copy = tmp_path / folder.name / path.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(path, copy)
            copies.append(copy)
    assert copies
    return copies


def test_the_records_of_the_coordinators(tmp_path, topic):
    with Kafka() as server:
        server.start()
        kafka_tool('org.apache.kafka.tools.ProducerPerformance', '--bootstrap-server', server.address, '--topic', topic, '--num-records', '100',
                   '--throughput', '-1', '--record-size', '50', '--transactional-id', 'one', '--transaction-duration-ms', '50')
        for protocol in ('classic', 'consumer'):
            kafka_tool('org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', server.address, '--topic', topic, '--from-beginning',
                       '--max-messages', '50', '--group', f'group-{protocol}', '--consumer-property', f'group.protocol={protocol}',
                       '--consumer-property', 'client.id=zürich')
        server.stop()
        offsets = state_files(server, '__consumer_offsets', tmp_path)
        transactions = state_files(server, '__transaction_state', tmp_path)
    for files, decoder in ((offsets, '--offsets-decoder'), (transactions, '--transaction-log-decoder')):
        decoded = ours(files, decoder, '-r')
        assert decoded == theirs(files, decoder, '--print-data-log')
        assert 'Error at' not in decoded and 'Unknown' not in decoded
        same(files, {'-r': '--print-data-log'})
    types = {line.split('\t')[3] for path in offsets for line in klog('dump-segment', '-r', '-o', 'text', path, path).stdout.splitlines()}
    assert {'OffsetCommit', 'GroupMetadata', 'ConsumerGroupMetadata', 'ConsumerGroupMemberMetadata'} <= types, types
