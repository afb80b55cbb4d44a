# SPDX-License-Identifier: Apache-2.0
"""Files on disk: Apache Kafka's DumpLogSegments reads klog's, klog's reads Kafka's."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from random import Random

import pytest
from servers import CODECS, Kafka, Klog, kafka_tool, klog, run, wait_until

DUMP = 'org.apache.kafka.tools.DumpLogSegments'


def fill(server, topic, rounds=3, per_round=2000):
    """Some megabytes, so several segments, in every codec, with keys and headers."""
    random = Random(topic)
    for round_number in range(rounds):
        for codec in CODECS:
            lines = ''.join(f'key{i}:{round_number} {codec} {i} {random.randbytes(i % 150).hex()}\n' for i in range(per_round))
            run('kcat', '-b', server.address, '-P', '-t', topic, '-p', '0', '-z', codec, '-K', ':', '-H', 'h=1', input=lines)
    return rounds * len(CODECS) * per_round


def kafka_dump(*files, deep=True):
    flags = ['--deep-iteration', '--print-data-log'] if deep else []
    return kafka_tool(DUMP, *flags, '--files', ','.join(map(str, files))).stdout


def complaints(text):
    return [line for line in text.splitlines() if re.search(r'mismatch|corrupt|invalid: ?true|isvalid: false|Found timestamp|Exception|error', line, re.I)
            and 'isvalid: true' not in line]


def copy_of(server, topic, tmp_path):
    """Kafka's tools insist on <topic>-<partition>; the copy has that name. Logs come last, as a broker may be appending:
    what an index names is in the copy of the log."""
    target = tmp_path / f'{topic}-0'
    target.mkdir(parents=True)
    for path in sorted(server.partition_folder(topic).iterdir(), key=lambda path: path.suffix == '.log'): shutil.copy2(path, target)
    return target


@contextlib.contextmanager
def appending(server, topic):
    """kcat writes to the topic without end, and has got somewhere when the block begins."""
    size = lambda: sum(path.stat().st_size for path in server.partition_folder(topic).glob('*.log'))
    before = size()
    script = f'yes "a record that comes while somebody looks" | kcat -q -b {server.address} -P -t {topic} -p 0'
    writer = subprocess.Popen(['bash', '-c', script], stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: size() > before + 2_000_000 or writer.poll() is not None, 'kcat to write')
        assert writer.poll() is None
        yield
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()


def check_with_kafka(folder, records_at_least, more=False):
    """No complaint, and offsets without a gap; some records more than those when somebody was writing. Returns their number."""
    logs = sorted(folder.glob('*.log'))
    assert len(logs) > 1
    dumped = kafka_dump(*logs)
    assert complaints(dumped) == []
    offsets = [int(m) for m in re.findall(r'^\| offset: (\d+)', dumped, re.M)]
    assert offsets == list(range(len(offsets)))
    assert len(offsets) > records_at_least if more else len(offsets) == records_at_least
    for kind in ('index', 'timeindex'):
        files = sorted(folder.glob(f'*.{kind}'))
        assert files
        assert complaints(kafka_dump(*files, deep=False)) == []
    return len(offsets)


@pytest.fixture(scope='module')
def small_segments():
    with Klog(log_segment_bytes=1_048_576) as server: yield server.start()


def test_kafka_reads_the_files_of_a_broker_that_is_appending(small_segments, topic, tmp_path):
    count = fill(small_segments, topic)
    with appending(small_segments, topic):
        copy = copy_of(small_segments, topic, tmp_path)
    check_with_kafka(copy, count, more=True)


def test_kafka_reads_the_files_after_a_kill_under_load_and_after_a_clean_stop(topic, tmp_path):
    with Klog(log_segment_bytes=1_048_576) as server:
        count = fill(server.start(), topic)
        with appending(server, topic): server.kill()
        count = check_with_kafka(copy_of(server, topic, tmp_path / 'killed'), count, more=True)
        server.start()
        assert server.stop() == 0
        stopped = copy_of(server, topic, tmp_path / 'stopped')
        check_with_kafka(stopped, count)
        snapshots = sorted(stopped.glob('*.snapshot'))
        assert snapshots
        assert complaints(kafka_dump(*snapshots, deep=False)) == []


def test_klog_prints_the_files_of_kafka_as_kafkas_tool_does(topic):
    with Kafka(log_segment_bytes=1_048_576) as server:
        fill(server.start(), topic)
        kafka_tool('org.apache.kafka.tools.ProducerPerformance', '--bootstrap-server', server.address, '--topic', topic,
                   '--num-records', '100', '--throughput', '-1', '--record-size', '50', '--transactional-id', 'one',
                   '--transaction-duration-ms', '50')
        folder = server.partition_folder(topic)
        live = sorted(folder.glob('0*'))
        logs = [path for path in live if path.suffix == '.log']
        others = [path for path in live if path.suffix != '.log']
        server.kill()
        assert klog('dump-segment', '-r', '-o', 'kafka', *logs).stdout == kafka_dump(*logs)
        assert klog('dump-segment', '-o', 'kafka', *logs, *others).stdout == kafka_dump(*logs, *others, deep=False)


def test_klog_reads_the_files_of_kafka(topic, tmp_path):
    with Kafka(log_segment_bytes=1_048_576) as server:
        count = fill(server.start(), topic)
        server.kill()
        folder = server.partition_folder(topic)
        assert len(list(folder.glob('*.log'))) >= 2
        records = [json.loads(line) for path in sorted(folder.glob('*.log'))
                   for line in klog('dump-segment', '-r', '-o', 'ndjson', path).stdout.splitlines()]
        assert [r['offset'] for r in records] == list(range(count))
        assert records[0]['key'] == 'key0' and records[0]['headers'] == [{'key': 'h', 'value': '1'}]
        for path in [*folder.glob('*.index'), *folder.glob('*.timeindex')]: klog('dump-segment', path)
        klog('dump-segment', '--verify', folder)
        # klog serves what Kafka wrote: the folder moves into a data directory of klog's.
        with Klog() as mine:
            mine.start('--topic', f'{topic}:1')
            mine.stop()
            target = mine.partition_folder(topic)
            (target / '00000000000000000000.log').unlink()
            for path in folder.iterdir():
                if re.fullmatch(r'\d{20}\..*', path.name): shutil.copy(path, target / path.name)
            (mine.folder / 'data' / 'recovery-point-offset-checkpoint').unlink(missing_ok=True)
            (mine.folder / 'data' / '.kafka_cleanshutdown').unlink(missing_ok=True)
            mine.start()
            out = run('kcat', '-b', mine.address, '-C', '-t', topic, '-e', '-q', '-f', '%o\n').stdout
            assert out == ''.join(f'{i}\n' for i in range(count))
