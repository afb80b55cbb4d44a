# SPDX-License-Identifier: Apache-2.0
"""The broker as an operator meets it: start, stop, kill, restart, refusal."""
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess

from servers import KLOG, Klog, free_ports, klog, run, wait_until


def kcat(server, *arguments, **options): return run('kcat', '-b', server.address, '-q', *arguments, **options)


def produce(server, topic, *values): kcat(server, '-P', '-t', topic, '-p', '0', '-X', 'acks=all', input=''.join(f'{v}\n' for v in values))


def consume(server, topic): return kcat(server, '-C', '-t', topic, '-e').stdout.split()


def topic_id(server, topic):
    (found,) = [t for t in json.loads(klog('topic', 'describe', topic, '-b', server.address, '-o', 'json').stdout)['topics'] if t['name'] == topic]
    return found['id']


def test_topics_ids_configurations_and_records_survive_a_kill(topic):
    with Klog() as server:
        server.start()
        klog('topic', 'create', topic, '-p', '2', '-c', 'retention.ms=123456', '-b', server.address)
        identity = topic_id(server, topic)
        produce(server, topic, 'a', 'b')
        for _ in range(3):
            server.kill()
            server.start()
            assert topic_id(server, topic) == identity
        assert consume(server, topic) == ['a', 'b']
        described = klog('topic', 'describe', topic, '-b', server.address, '-o', 'json').stdout
        assert '123456' in described


def test_a_deleted_topic_stays_deleted_and_its_name_can_be_used_again(topic):
    with Klog() as server:
        server.start()
        produce(server, topic, 'old')
        old = topic_id(server, topic)
        klog('topic', 'delete', topic, '--yes', '-b', server.address)
        server.kill()
        server.start()
        assert topic not in klog('topic', 'list', '-b', server.address, '-o', 'name').stdout.split()
        produce(server, topic, 'new')
        assert topic_id(server, topic) != old
        assert consume(server, topic) == ['new']


def test_producer_ids_never_repeat_across_kills(topic):
    with Klog() as server:
        server.start()
        seen = set()
        for i in range(4):
            kcat(server, '-P', '-t', topic, '-X', 'enable.idempotence=true', input=f'{i}\n')
            server.kill()
            server.start()
        ids = [b['producer_id'] for b in server.batches(topic)]
        assert len(ids) == len(set(ids)) == 4 and min(ids) >= 0


def test_sigterm_flushes_marks_and_exits_zero(topic):
    with Klog() as server:
        server.start()
        produce(server, topic, 'a')
        assert server.stop() == 0
        assert (server.folder / 'data' / '.kafka_cleanshutdown').exists()
        server.start()
        assert not (server.folder / 'data' / '.kafka_cleanshutdown').exists()
        assert consume(server, topic) == ['a']


def test_a_broker_whose_only_disk_fails_stops_and_exits_with_one(tmp_path):
    def small_files():  # A write beyond fails with EFBIG, which is as good as a broken disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (24 << 20, 24 << 20))
    ready = tmp_path / 'ready'
    broker = subprocess.Popen([KLOG, 'broker', '--port', '0', '--data-dir', tmp_path / 'data', '--ready-file', ready],
                              stderr=subprocess.PIPE, text=True, preexec_fn=small_files)
    try:
        address = wait_until(lambda: ready.exists() and ready.read_text().strip(), 'the broker')
        run('kcat', '-b', address, '-q', '-P', '-t', 't', '-X', 'message.timeout.ms=3000', check=False,
            input=('x' * 100_000 + '\n') * 400)
        said = broker.communicate(timeout=60)[1]
    finally:
        broker.kill()
    assert broker.returncode == 1 and 'no log directory can be used any more' in said


def test_a_broker_whose_port_is_taken_leaves_nothing_behind(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        done = klog('broker', '--listen', f'127.0.0.1:{taken.getsockname()[1]}', '--data-dir', str(tmp_path / 'data'), check=False)
    assert done.returncode == 1 and 'choose another with --port' in done.stderr
    assert not (tmp_path / 'data').exists()


def test_who_wants_a_coordinator_is_named_in_the_log(topic):
    with Klog() as server:
        server.start()
        produce(server, topic, 'a')
        member = subprocess.Popen(['kcat', '-b', server.address, '-G', 'g', topic], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: 'wants a coordinator of groups: there is none yet' in server.log, 'the line')
        finally:
            member.kill()
            member.wait()


def test_what_a_configuration_of_kafka_wants_in_vain_is_said(tmp_path):
    path = tmp_path / 'server.properties'
    path.write_text('listeners=PLAINTEXT://:19092,CONTROLLER://:19093\ncontroller.listener.names=CONTROLLER\n'
                    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nzookeeper.connect=z:2181\n')
    said = klog('broker', '--config', str(path), '--check-config').stderr
    assert 'the listener CONTROLLER is left out' in said and 'zookeeper.connect=z:2181 has no effect yet' in said


def test_the_first_commands_of_the_readme_work_when_they_are_pasted_together(tmp_path):
    port = free_ports(1)
    script = f'''
        "$KLOG" broker --listen localhost:{port} &
        echo hello | "$KLOG" produce demo --create && "$KLOG" consume demo -e
        code=$?; kill $!; wait $!; exit $code'''
    environment = os.environ | {'KLOG': str(KLOG), 'KLOG_BROKERS': f'localhost:{port}'}
    done = subprocess.run(['bash', '-c', script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, 'hello\n'), done.stderr


def test_a_second_broker_on_the_same_directory_is_refused():
    with Klog() as server:
        server.start()
        done = run(KLOG, 'broker', '--data-dir', server.folder / 'data', '--listen', '127.0.0.1:0', check=False)
        assert done.returncode != 0
        assert f'another broker uses the data directory {server.folder}/data' in done.stderr


def test_a_second_broker_on_the_same_port_is_refused_and_the_port_is_named(tmp_path):
    with Klog() as server:
        server.start()
        done = run(KLOG, 'broker', '--data-dir', tmp_path / 'other', '--listen', server.address, check=False)
        assert done.returncode != 0
        assert str(server.port) in done.stderr and 'choose another with --port' in done.stderr


def test_a_data_directory_of_another_node_is_refused(tmp_path):
    with Klog() as server:
        server.start()
        server.stop()
        done = run(KLOG, 'broker', '--data-dir', server.folder / 'data', '--node-id', '77', '--listen', '127.0.0.1:0', check=False)
        assert done.returncode != 0
        assert '77' in done.stderr and 'meta.properties' in done.stderr


def test_an_ephemeral_broker_leaves_nothing_behind(tmp_path):
    import subprocess
    process = subprocess.Popen([KLOG, 'broker', '--ephemeral', '--port', '0', '--ready-file', tmp_path / 'ready', '--topic', 'made:3'],
                               stderr=subprocess.PIPE, text=True, env={'TMPDIR': str(tmp_path)})
    try:
        ready = wait_until(lambda: (tmp_path / 'ready').exists() and (tmp_path / 'ready').read_text().strip(), 'the broker')
        address = ready.splitlines()[0]
        assert 'made' in klog('topic', 'list', '-b', address, '-o', 'name').stdout.split()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert [p.name for p in tmp_path.iterdir() if p.name != 'ready'] == []


def test_an_unknown_key_names_the_nearest_one(tmp_path):
    config = tmp_path / 'server.properties'
    config.write_text('log.segment.byte=1000\n')
    done = run(KLOG, 'broker', '--config', config, '--check-config', check=False)
    assert 'log.segment.byte' in done.stderr and 'log.segment.bytes' in done.stderr


def test_a_bad_value_names_file_line_and_key(tmp_path):
    config = tmp_path / 'server.properties'
    config.write_text('# fine\nlog.segment.bytes=many\n')
    done = run(KLOG, 'broker', '--config', config, '--check-config', check=False)
    assert done.returncode == 2
    assert f'{config}:2' in done.stderr and 'log.segment.bytes' in done.stderr


def send(port, data):
    """Sends bytes and reads until the broker closes."""
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.settimeout(20)
        s.sendall(data)
        answer = b''
        try:
            while chunk := s.recv(65536): answer += chunk
        except ConnectionResetError: pass
        return answer


def test_hostile_frames_close_their_connection_and_nothing_else(topic):
    with Klog() as server:
        server.start()
        produce(server, topic, 'a')
        for frame in (b'GET / HTTP/1.1\r\n\r\n', struct.pack('>ihhi', 0x7fffffff, 0, 9, 1), struct.pack('>ihhi', 100, 999, 0, 1) + bytes(92),
                      struct.pack('>i', -1), struct.pack('>ihhih', 10, 3, 9, 1, 0), struct.pack('>ihhih', 14, 3, 1, 1, -1) + b'\x7f\xff\xff\xff'):
            assert send(server.port, frame) == b''
        assert consume(server, topic) == ['a']
        assert server.process.poll() is None


def test_an_unsupported_api_versions_request_is_answered_with_version_0():
    with Klog() as server:
        server.start()
        with socket.create_connection(('127.0.0.1', server.port), 10) as s:
            s.sendall(struct.pack('>ihhihb', 11, 18, 99, 7, -1, 0))
            size, correlation, error = struct.unpack('>iih', s.recv(10, socket.MSG_WAITALL))
            assert (correlation, error) == (7, 35)


def test_a_signal_that_comes_twice_at_once_is_one_wish():
    # timeout(1) signals the process and then its process group.
    with Klog() as server:
        server.start()
        for one in (signal.SIGINT, signal.SIGINT): server.process.send_signal(one)
        assert server.process.wait(30) == 128 + signal.SIGINT
        assert (server.folder / 'data' / '.kafka_cleanshutdown').exists()


def test_hanging_up_stops_in_order():
    with Klog() as server:
        server.start()
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(30) == 128 + signal.SIGHUP
        assert (server.folder / 'data' / '.kafka_cleanshutdown').exists()


def test_options_and_the_configuration_file_agree_on_where(tmp_path):
    file = tmp_path / 'server.properties'
    file.write_text('listeners=PLAINTEXT://127.0.0.1:9092\nlog.dirs=/nonexistent/klog\n')
    shown = lambda *options: klog('broker', '--config', file, '--print-config', *options).stdout
    assert re.search(r'^listeners=PLAINTEXT://127.0.0.1:1234 ', shown('--port', '1234'), re.M)
    assert re.search(r'^log.dirs=/(?!nonexistent)\S+  # flag: --ephemeral', shown('--ephemeral'), re.M)
    refused = lambda *options: (done := run(KLOG, 'broker', *options, check=False)).returncode == 2 and done.stderr
    assert '--data-dir' in refused('--ephemeral', '--data-dir', tmp_path / 'data')
    file.write_text('listeners=A://:1,B://:2\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT\n')
    assert '2 listeners' in refused('--config', file, '--port', '1234')


def said(*arguments, **config):
    """What a broker says from its start to its stop, when all is well: lines."""
    with Klog(**config) as server:
        server.start(*arguments)
        produce(server, 'quiet', 'a', 'b')
        assert consume(server, 'quiet') == ['a', 'b']
        klog('topic', 'delete', 'quiet', '--yes', '-b', server.address)
        assert server.stop() == 0
        return server.log.splitlines()


def test_a_broker_that_is_well_says_where_it_is_and_nothing_else():
    first, ready, *rest = [line for line in said() if not re.search(r' I topic quiet (created|deleted)', line)]
    assert re.fullmatch(r'klog: broker 1 of cluster \S{22}, data in \S+, durability=fsync: acknowledged once on disk', first)
    assert re.fullmatch(r'klog: ready on PLAINTEXT://127\.0\.0\.1:\d+', ready) and rest == []


def test_the_first_line_says_that_a_power_cut_may_lose_what_was_acknowledged():
    assert said('--durability', 'os')[0].endswith('durability=os: acknowledged from the page cache, lost in a power cut')


def test_flush_keys_without_a_mode_change_nothing_and_that_is_said():
    lines = said(log_flush_interval_messages='1000')
    assert any(line.endswith('durability=fsync: acknowledged once on disk') for line in lines)
    assert [line for line in lines if 'log.flush.interval.messages has no effect with durability=fsync' in line]
