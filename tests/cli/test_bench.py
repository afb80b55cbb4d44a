# SPDX-License-Identifier: Apache-2.0
"""klog bench: what it counts is what the broker has, and a stall is seen by all requests that were due in it."""
import json
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from servers import KLOG, Klog, klog, run, wait_until


@pytest.fixture(scope='module')
def server():
    with Klog() as broker: yield broker.start()


def bench(server, *words):
    return json.loads(klog('bench', *words, '-b', server.address, '-o', 'json').stdout)['runs']


def test_produce_counts_what_is_in_the_topic(server):
    result, = bench(server, 'produce', 'counted', '--create=3', '-n', '50', '--batch-bytes', '4k', '-z', 'lz4', '--pid', str(server.process.pid))
    rows = json.loads(klog('offsets', 'counted', '-b', server.address, '-o', 'json').stdout)['partitions']
    assert result['requests'] == 50 and result['errors'] == 0 and result['records'] == sum(row['count'] for row in rows) and len(rows) == 3
    assert 0 < float(result['p50_ms']) <= float(result['p99_ms']) <= float(result['max_ms'])
    assert result['broker_resident_bytes'] > 0


def test_fetch_reads_round_and_round(server):
    bench(server, 'produce', 'again', '--create', '-n', '3')
    count = json.loads(klog('offsets', 'again', '-b', server.address, '-o', 'json').stdout)['partitions'][0]['count']
    result, = bench(server, 'fetch', 'again', '-n', '40', '--in-flight', '1')
    assert result['errors'] == 0 and result['records'] >= 10 * count
    empty = run(KLOG, 'bench', 'fetch', 'nothing', '-b', server.address, check=False)
    assert empty.returncode == 3


def test_latency_follows_each_record_to_a_consumer_at_each_rate(server):
    first, second = bench(server, 'latency', 'followed', '--create=2', '-n', '60', '--rate', '200,600')
    for result, rate in ((first, 200), (second, 600)):
        assert (result['rate'], result['requests'], result['records'], result['errors']) == (rate, 60, 60, 0)
        assert float(result['end_to_end_p50_ms']) > 0


def test_a_stall_is_seen_by_all_that_were_due_in_it():
    # Half of the run the broker stands still. A closed loop would count one slow request; here half of them are slow.
    with Klog() as broker:
        broker.start()
        klog('topic', 'create', 'stalled', '-b', broker.address)
        running = subprocess.Popen([KLOG, 'bench', 'latency', 'stalled', '-b', broker.address, '-n', '400', '--rate', '200', '-o', 'json'],
                                   stdout=subprocess.PIPE, text=True)
        end = lambda: json.loads(klog('offsets', 'stalled', '-b', broker.address, '-o', 'json').stdout)['partitions'][0]['end']
        wait_until(lambda: end() >= 20, 'the run to begin')
        before = end()
        broker.strike(signal.SIGSTOP)
        try:
            # 200 records become due while nothing is acknowledged.
            with pytest.raises(subprocess.TimeoutExpired): running.wait(1)
        finally:
            broker.process.send_signal(signal.SIGCONT)
        result, = json.loads(running.communicate(timeout=60)[0])['runs']
        assert result['errors'] == 0 and result['records'] == 400 and before < 200
        assert float(result['max_ms']) >= 900 and float(result['p90_ms']) >= 300 and float(result['end_to_end_p90_ms']) >= 300
