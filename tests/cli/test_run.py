# SPDX-License-Identifier: Apache-2.0
"""klog run, ready and explain."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from servers import KLOG, Klog, free_ports, klog, run, wait_until


def klog_run(*words, **options): return run(KLOG, 'run', *words, check=False, **options)


def shell(script): return ['--', 'bash', '-c', script.replace('klog ', f'{KLOG} ')]


def test_a_command_finds_its_broker_and_hands_its_exit_code_on(tmp_path):
    done = klog_run('--topic', 'orders:3', *shell('echo a | klog produce orders && klog consume orders -e && klog topic list -o name; exit 7'),
                    env={**os.environ, 'TMPDIR': str(tmp_path)})
    assert (done.stdout, done.stderr, done.returncode) == ('a\norders\n', '', 7)
    assert list(tmp_path.iterdir()) == []


def test_both_names_of_the_address_are_set():
    done = klog_run(*shell('echo $KLOG_BROKERS $KAFKA_BOOTSTRAP_SERVERS'))
    first, second = done.stdout.split()
    assert first == second and first.startswith('localhost:')


def test_arguments_of_the_command_stay_its_own():
    done = klog_run('--', 'printf', '%s|', '-x', '--set', 'a b', '--')
    assert (done.stdout, done.returncode) == ('-x|--set|a b|--|', 0)


@pytest.mark.parametrize('words, code, said', [
    (['--', '/nonexistent/command'], 127, 'No such file'), (['--', '/etc/passwd'], 126, 'Permission denied'),
    ([], 2, 'which command'), (['--topic', 'a:x', '--', 'true'], 2, '--topic a:x'), (['--set', 'shards=many', '--', 'true'], 2, 'shards')])
def test_what_cannot_be_run_is_said(words, code, said):
    done = klog_run(*words)
    assert done.returncode == code and said in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_signal_of_the_command_is_told_as_shells_do():
    assert klog_run(*shell('kill -KILL $$')).returncode == 128 + signal.SIGKILL


def test_sigterm_goes_to_the_command_and_nothing_stays(tmp_path):
    script = 'trap "exit 5" TERM; echo $KLOG_BROKERS; while :; do read -t 0.1 < /dev/zero || :; done'
    process = subprocess.Popen([KLOG, 'run', '--', 'bash', '-c', script], stdout=subprocess.PIPE, text=True, env={**os.environ, 'TMPDIR': str(tmp_path)})
    host, port = process.stdout.readline().strip().split(':')
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 5 and list(tmp_path.iterdir()) == []
    with pytest.raises(OSError): socket.create_connection((host, int(port)), 1)


def test_the_broker_goes_when_klog_run_is_killed(tmp_path):
    process = subprocess.Popen([KLOG, 'run', '--', 'bash', '-c', 'echo $KLOG_BROKERS; exec sleep 600 & echo $!; wait'], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, 'TMPDIR': str(tmp_path)}, start_new_session=True)
    address, sleeper = process.stdout.readline().strip(), process.stdout.readline()
    process.kill()
    process.wait()
    os.kill(int(sleeper), signal.SIGKILL)
    wait_until(lambda: run(KLOG, 'ready', '-b', address, '-q', check=False).returncode == 5, 'the broker to end')
    wait_until(lambda: list(tmp_path.iterdir()) == [], 'its folder to go')


def test_ready_says_whether_a_cluster_can_serve():
    with Klog() as server:
        server.start()
        assert klog('ready', '-b', server.address, '-q').stdout == ''
        missing = run(KLOG, 'ready', '-b', server.address, 'nosuch', check=False)
        assert missing.returncode == 3 and 'UNKNOWN_TOPIC_OR_PARTITION' in missing.stderr
        klog('topic', 'create', 'there', '-b', server.address)
        assert 'is ready, 1 broker' in klog('ready', '-b', server.address, 'there').stderr


def test_ready_waits_for_a_broker_that_is_still_to_come():
    port = free_ports(1)
    waiting = subprocess.Popen([KLOG, 'ready', '-b', f'localhost:{port}', '-q', '--wait', '60s'])
    broker = subprocess.Popen([KLOG, 'broker', '--ephemeral', '--port', str(port)], stderr=subprocess.DEVNULL)
    try:
        assert waiting.wait(60) == 0
    finally:
        broker.terminate()
        broker.wait(30)


def test_ready_gives_up_with_the_code_that_tells_why():
    port = free_ports(1)
    assert run(KLOG, 'ready', '-b', f'localhost:{port}', check=False).returncode == 5
    late = run(KLOG, 'ready', '-b', f'localhost:{port}', '--wait', '50ms', check=False)
    assert late.returncode == 4 and 'not ready after 50 ms' in late.stderr
    with socket.create_server(('127.0.0.1', 0)) as mute:  # Takes connections and never answers.
        assert run(KLOG, 'ready', '-b', '127.0.0.1:%d' % mute.getsockname()[1], '--wait', '100ms', check=False).returncode == 4


def test_explain_tells_meaning_and_remedy():
    assert klog('explain', '3').stdout == klog('explain', 'UnknownTopicOrPartitionException').stdout
    page = klog('explain', 'not_enough_replicas').stdout
    assert page.startswith('NOT_ENOUGH_REPLICAS (19), retriable\n') and 'min.insync.replicas' in page
    everything = json.loads(klog('explain', '-o', 'json').stdout)['errors']
    assert len(everything) == 135 and all(e['meaning'] and e['remedy'] for e in everything)
    wrong = run(KLOG, 'explain', 'NOT_ENOUGH_REPLICA', check=False)
    assert wrong.returncode == 3 and "did you mean 'NOT_ENOUGH_REPLICAS'" in wrong.stderr
