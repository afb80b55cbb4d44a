# SPDX-License-Identifier: Apache-2.0
"""Pipelines that people write, run by a shell as they stand, and the worked examples of docs/examples."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

top = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(top / 'tests/integration'))
from servers import KLOG, Klog, klog, run

pytestmark = pytest.mark.usefixtures('broker')


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with klog and the examples on the PATH as after an installation."""
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/klog').symlink_to(pathlib.Path(KLOG).resolve())
    monkeypatch.setenv('PATH', f'{tmp_path}/bin:{top}/docs/examples:{os.environ["PATH"]}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(script):
    done = run('bash', '-o', 'pipefail', '-c', script, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout


def test_hello():
    assert shell('echo hello | klog produce demo --create && klog consume demo -e') == 'hello\n'


def test_lines_of_a_followed_file_carry_the_host():
    klog('topic', 'create', 'syslog')
    pathlib.Path('syslog').write_text('one\ntwo\n')
    follow = subprocess.Popen(['bash', '-c', 'tail -n +1 -F syslog | klog produce syslog -k "$(hostname)" -z zstd'], start_new_session=True)
    try:
        assert klog('consume', 'syslog', '-n', '2', '-f', '%k %v\\n').stdout == f'{os.uname().nodename} one\n{os.uname().nodename} two\n'
        with open('syslog', 'a') as file: file.write('three\n')
        assert klog('consume', 'syslog', '-n', '3').stdout == 'one\ntwo\nthree\n'
    finally:
        os.killpg(follow.pid, 9)
        follow.wait()


def test_a_topic_is_copied_to_another_cluster(broker):
    with Klog() as other:
        other.start()
        klog('topic', 'create', 'orders', '-p', '3')
        klog('topic', 'create', 'orders', '-p', '3', '-b', other.address)
        klog('produce', 'orders', '-K', ':', '-Z', '-H', 'a=1', input=''.join(f'key {i}:value {i}\n' for i in range(500)) + 'gone:\n')
        shell(f'klog consume -b {broker.address} orders -e -o json | klog produce -b {other.address} orders -i json')
        records = [sorted(klog('consume', 'orders', '-e', '-b', at, '-f', '%p %o %T %k=%v{json} %h\\n').stdout.splitlines())
                   for at in (broker.address, other.address)]
        assert records[0] == records[1] and len(records[0]) == 501


def test_errors_of_the_last_hour():
    klog('topic', 'create', 'app')
    klog('produce', 'app', '-f', '%F %v\\n', input='2001-01-01T00:00:00Z an old ERROR\n')
    klog('produce', 'app', '-k', 'web', input='fine\nan ERROR of today\n')
    time, key, text = shell(r"klog consume app --offset @-1h:end --grep v:ERROR -f '%F %k %v\n'").split(' ', 2)
    assert (key, text) == ('web', 'an ERROR of today\n') and time.endswith('Z')


def test_a_table_with_a_heading_becomes_keyed_records_and_keys_are_forgotten():
    klog('topic', 'create', 'users')
    pathlib.Path('users.csv').write_text('id,name,city\n1,Ann,Bonn\n2,Bob,Köln\n')
    shell('tail -n +2 users.csv | klog produce users -K ,')
    pathlib.Path('gdpr-keys.txt').write_text('2\n')
    shell(r"klog produce users -Z -f '%k\n' < gdpr-keys.txt")
    records = [json.loads(line) for line in klog('consume', 'users', '-e', '-o', 'json').stdout.splitlines()]
    assert [(r['key'], r['value']) for r in records] == [('1', 'Ann,Bonn'), ('2', 'Bob,Köln'), ('2', None)]


def test_the_most_frequent_keys_come_first():
    klog('topic', 'create', 'clicks', '-p', '4')
    klog('produce', 'clicks', '-K', ':', input=''.join(f'{page}:{i}\n' for page, times in (('a', 3), ('b', 40), ('c', 7)) for i in range(times)))
    assert shell(r"klog consume clicks -e -f '%k\n' | sort | uniq -c | sort -rn | head").split() == ['40', 'b', '7', 'c', '3', 'a']


def test_large_topics_by_jq():
    klog('topic', 'create', 'huge')
    klog('produce', 'huge', input='x' * 900_000 + '\n')
    assert shell("klog topic list -o json | jq -r '.topics[] | select(.bytes > 1e9).name'") == ''
    assert shell("klog topic list -o json | jq -r '.topics[] | select(.bytes > 800e3).name'") == 'huge\n'


def test_page_views_are_tracked_and_counted():
    klog('topic', 'create', 'page-views', '-p', '4')
    pathlib.Path('access.log').write_text(
        '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /start HTTP/1.1" 200 2326\n'
        '10.0.0.7 - anna [10/Oct/2000:22:55:37 +0200] "GET /start HTTP/1.1" 200 2326\n'
        'not a line of a web server\n'
        '127.0.0.1 - - [10/Oct/2000:13:55:38 -0700] "GET /prices?a=1 HTTP/1.1" 200 99\n'
        '127.0.0.1 - - [10/Oct/2000:13:55:40 -0700] "POST /order HTTP/1.1" 200 1\n')
    shell('page-views track < access.log')
    assert shell('page-views count') == '2\t/start\n1\t/prices?a=1\n'
    live = subprocess.Popen(['page-views', 'live'], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        seen = {live.stdout.readline() for _ in range(3)}
        assert '2000-10-10T20:55:38.000Z\t127.0.0.1\t/prices?a=1\t1\n' in seen and any(line.endswith('\t/start\t2\n') for line in seen)
        pathlib.Path('more.log').write_text('10.0.0.7 - - [11/Oct/2000:00:00:00 +0000] "GET /start HTTP/1.1" 200 1\n')
        shell('page-views track < more.log')
        assert live.stdout.readline() == '2000-10-11T00:00:00.000Z\t10.0.0.7\t/start\t3\n'
    finally:
        os.killpg(live.pid, 9)
        live.wait()


def test_journals_of_several_hosts_are_archived_and_watched():
    klog('topic', 'create', 'logs', '-p', '3')
    for host in 'abc':
        shell(f"seq 5 | sed 's/^/line /;4s/$/: job failed/' | log-aggregation ship {host}")
    shell('log-aggregation archive archive')
    assert {path.name: path.read_text() for path in pathlib.Path('archive').iterdir()} == {
        f'{host}.log': 'line 1\nline 2\nline 3\nline 4: job failed\nline 5\n' for host in 'abc'}
    alerts = shell('log-aggregation alert 0') + shell('log-aggregation alert 1,2')
    assert sorted(alerts.splitlines()) == [f'{host}: line 4: job failed' for host in 'abc']


@pytest.fixture
def orders():
    """The folder of a partition whose broker has ended."""
    with Klog() as server:
        server.start()
        klog('topic', 'create', 'orders', '-b', server.address)
        klog('produce', 'orders', '-b', server.address, '-f', '%F %k=%v\\n',
             input='2026-07-31T23:59:59Z a=old\n2026-08-01T00:00:00Z b=new\n2026-08-02T00:00:00Z c=newer\n')
        server.stop()
        yield server.partition_folder('orders')


def test_a_partition_is_read_without_its_broker(orders):
    shell(f'klog consume --dir {orders} --offset @2026-08-01:end -o json > orders.ndjson')
    assert [(r['topic'], r['offset'], r['value']) for r in map(json.loads, open('orders.ndjson'))] == [('orders', 1, 'new'), ('orders', 2, 'newer')]


def test_damaged_partitions_are_picked_out(orders):
    look = f"klog dump-segment --verify {orders.parent}/*/ -o json | jq 'select(.ok | not)'"
    assert run('bash', '-c', look).stdout == ''
    log = next(orders.glob('*.log'))
    data = bytearray(log.read_bytes())
    data[-1] ^= 1
    log.write_bytes(data)
    assert json.loads(run('bash', '-c', look).stdout)['ok'] is False


def test_an_old_segment_is_rescued_from_a_pipe(orders):
    klog('topic', 'create', 'rescued')
    run('zstd', '-q', next(orders.glob('*.log')), '-o', 'old.log.zst')
    shell('zstdcat old.log.zst | klog dump-segment -r -o ndjson - | klog produce rescued -i json')
    assert klog('consume', 'rescued', '-e', '-f', '%F %k=%v\\n').stdout.splitlines()[1] == '2026-08-01T00:00:00.000Z b=new'
