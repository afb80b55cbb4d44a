# SPDX-License-Identifier: Apache-2.0
"""produce, consume, topic and offsets as filters: bytes, exit codes, signals."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from servers import KLOG, Klog, klog, run, wait_until

pytestmark = pytest.mark.usefixtures('broker')


def consume(topic, *arguments, **options): return klog('consume', topic, '-e', *arguments, **options).stdout


def shell(script): return run('bash', '-c', script.replace('klog ', f'{KLOG} '), check=False)


def test_the_first_pipeline(topic):
    done = shell(f'echo hello | klog produce {topic} --create && klog consume {topic} -e')
    assert (done.stdout, done.stderr, done.returncode) == ('hello\n', '', 0)


@pytest.mark.parametrize('codec', ['none', 'gzip', 'gzip:9', 'snappy', 'lz4', 'lz4:12', 'zstd', 'zstd:1'])
def test_a_large_input_comes_back_byte_for_byte(topic, codec):
    lines = b''.join(b'%d %s\n' % (i, os.urandom(i % 40).replace(b'\n', b'.')) for i in range(50_000))
    klog('produce', topic, '--create', '-z', codec, input=lines)
    assert consume(topic, input=b'') == lines


def test_any_bytes_in_nul_records(topic):
    records = b'\0'.join([b'line\nbreak', b'', b'\xff\xfe', b'x' * 300_000]) + b'\0'
    klog('produce', topic, '--create', '-0', input=records)
    assert consume(topic, '-0', input=b'') == records


def test_keys_headers_and_tombstones_cross_over_as_json(topic):
    klog('produce', topic, '--create=3', '-K', ':', '-Z', '-H', 'a=1', '-H', 'a=2', input='k:v\ngone:\nno key\n')
    klog('produce', topic, '-k', 'fixed', input=b'\xff\xfe\n')
    copied = consume(topic, '-o', 'json')
    klog('produce', f'{topic}-copy', '--create=3', '-i', 'json', input=copied)
    strip = lambda text: sorted((r['partition'], r['offset'], json.dumps({k: r[k] for k in r if k != 'topic'})) for r in map(json.loads, text.splitlines()))
    assert strip(copied) == strip(consume(f'{topic}-copy', '-o', 'json')) and len(strip(copied)) == 4
    by_key = {r['key']: r for r in map(json.loads, copied.splitlines())}
    assert by_key['gone']['value'] is None and by_key['k']['headers'] == [{'key': 'a', 'value': '1'}, {'key': 'a', 'value': '2'}]
    assert by_key['fixed']['value_base64'] == '//4='


def test_keys_that_are_not_there_cross_over_as_text(topic):
    klog('produce', topic, '--create', '-K', '=', input='k=v\n=empty key\nno key\n')
    assert consume(topic, '-K', '=') == 'k=v\n=empty key\nno key\n'


def test_formats_print_and_read(topic):
    klog('produce', topic, '--create=2', '-f', '%p %k=%v{hex} %T\\n', input='1 a=6162 1000\n0 b= 2000\n')
    assert sorted(consume(topic, '-f', '%p %k=%v %T %F\\n').splitlines()) == [
        '0 b= 2000 1970-01-01T00:00:02.000Z', '1 a=ab 1000 1970-01-01T00:00:01.000Z']


def test_kcat_json_is_taken(topic):
    klog('produce', topic, '--create', '-i', 'json', input='{"topic":"x","ts":5,"key":"k","payload":"v","headers":["h","1"]}\n')
    assert consume(topic, '-f', '%k %v %T %h\\n') == 'k v 5 h=1\n'


@pytest.mark.parametrize('offsets, wanted', [('start', '0123456789'), ('7', '789'), ('2:5', '234'), (':3', '012'), ('-2', '89'), ('~2', '89'), ('+8', '89'),
                                             ('end', ''), ('-4:-2', '67'), ('@:1005', '01234'), ('@1003:1005', '34'), ('@1008', '89'), ('0=9', '9')])
def test_offsets(topic, offsets, wanted):
    klog('produce', topic, '--create', '-f', '%T %v\\n', input=''.join(f'{1000 + i} {i}\n' for i in range(10)))
    assert consume(topic, '--offset', offsets).replace('\n', '') == wanted


def test_receipts_name_each_record(topic):
    done = klog('produce', topic, '--create', '--receipts', input='a\nb\n')
    assert done.stdout == f'1\t{topic}\t0\t0\n2\t{topic}\t0\t1\n'


def test_a_topic_with_small_batches_gets_small_batches(topic, broker):
    klog('topic', 'create', topic, '-c', 'max.message.bytes=5000')
    lines = ''.join(f'{i:040}\n' for i in range(5000))
    klog('produce', topic, input=lines)
    assert consume(topic) == lines
    assert len(broker.batches(topic)) > 40


def test_a_failure_says_what_was_acknowledged(topic):
    klog('topic', 'create', topic, '-c', 'max.message.bytes=5000')
    done = klog('produce', topic, '--batch-records', '1', input='one\ntwo\n' + 'x' * 6000 + '\n', check=False)
    assert done.returncode == 1
    error, through = done.stderr.splitlines()
    assert error.startswith(f'klog: {topic}/0: record 3: ') and '(MESSAGE_TOO_LARGE); ' in error
    assert through == 'klog: acknowledged through input record 2, byte 8'
    assert consume(topic) == 'one\ntwo\n'


def test_the_record_that_is_too_large_is_named_out_of_its_batch(topic):
    klog('topic', 'create', topic, '-c', 'max.message.bytes=5000')
    done = klog('produce', topic, input='one\ntwo\n' + 'x' * 6000 + '\n', check=False)
    error, through = done.stderr.splitlines()
    assert error.startswith(f'klog: {topic}/0: record 3: ') and '(MESSAGE_TOO_LARGE); ' in error
    # Of a batch only whole claims are made; what was repeated from there would be doubled, not lost.
    assert through == 'klog: acknowledged through input record 0, byte 0'
    assert consume(topic) == 'one\ntwo\n'


def test_a_partition_that_is_not_there(topic):
    done = klog('produce', topic, '--create', '-p', '7', input='x\n', check=False)
    assert done.returncode == 3 and 'there is no partition 7' in done.stderr


@pytest.mark.parametrize('code, arguments', [(2, ['consume']), (2, ['consume', 'x', '--offset', 'y']), (2, ['produce', 'x', '--frmat', '%v']),
                                             (3, ['consume', 'not-there', '-e']), (3, ['topic', 'describe', 'not-there']), (2, ['topic', 'create', 'bad name']),
                                             (2, ['topic', 'create', 'x', '-c', 'foo=1']),
                                             (5, ['consume', 'x', '-b', '127.0.0.1:1']), (2, ['consume', 'x', '-X', 'fetch.mni.bytes=1'])])
def test_exit_codes_and_one_line(code, arguments):
    done = klog(*arguments, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (code, '', 1)
    assert done.stderr.startswith('klog: ')


def test_somebody_who_speaks_http_is_named_once():
    with socket.create_server(('127.0.0.1', 0)) as server:
        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
                connection.recv(1000)
        thread = threading.Thread(target=answer)
        thread.start()
        address = f'127.0.0.1:{server.getsockname()[1]}'
        done = klog('topic', 'list', '-b', address, check=False)
        thread.join()
    assert done.returncode == 5 and 'does not answer as a Kafka broker does' in done.stderr and done.stderr.count(address) == 1, done.stderr


def test_mistakes_name_what_was_meant():
    assert "did you mean '--format'" in klog('produce', 'x', '--frmat', '%v', check=False).stderr
    assert "did you mean 'fetch.min.bytes'" in klog('consume', 'x', '-X', 'fetch.mni.bytes=1', check=False).stderr
    assert "did you mean 'describe'" in klog('topic', 'descrbe', 'x', check=False).stderr


def test_head_ends_it_quietly(topic):
    klog('produce', topic, '--create', input=''.join(f'{i}\n' for i in range(200_000)))
    done = shell(f'klog consume {topic} | head -n 2; exit ${{PIPESTATUS[0]}}')
    assert (done.stdout, done.stderr, done.returncode) == ('0\n1\n', '', 141)


def test_a_follower_prints_at_once_and_ends_by_signal(topic):
    klog('topic', 'create', topic)
    follower = subprocess.Popen([KLOG, 'consume', topic], stdout=subprocess.PIPE, text=True)
    for word in ('first', 'second'):
        klog('produce', topic, input=f'{word}\n')
        assert follower.stdout.readline() == f'{word}\n'
    follower.send_signal(signal.SIGINT)
    assert follower.wait(10) == 130


def test_a_follower_reads_partitions_that_are_added(topic):
    klog('topic', 'create', topic)
    follower = subprocess.Popen([KLOG, 'consume', topic, '-X', 'metadata.max.age.ms=100'], stdout=subprocess.PIPE, text=True)
    klog('produce', topic, input='first\n')
    assert follower.stdout.readline() == 'first\n'
    klog('topic', 'add-partitions', topic, '3')
    klog('produce', topic, '-p', '2', input='second\n')
    assert follower.stdout.readline() == 'second\n'
    follower.send_signal(signal.SIGINT)
    assert follower.wait(60) == 130


def test_acks_0_says_when_the_end_of_the_input_may_not_have_arrived(topic):
    klog('produce', topic, '--create', '--acks', '0', input='a\nb\n')
    assert consume(topic) == 'a\nb\n'
    with Klog() as server:
        server.start()
        producer = subprocess.Popen([KLOG, 'produce', topic, '--create', '--acks', '0', '-b', server.address],
                                    stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        producer.stdin.write('a\n')
        producer.stdin.flush()
        wait_until(lambda: klog('consume', topic, '-e', '-b', server.address, check=False).stdout == 'a\n', 'the record')
        server.kill()
        assert 'what was sent with acks=0 may not have arrived' in producer.communicate()[1]
        assert producer.returncode == 1


def test_grep(topic):
    klog('produce', topic, '--create', '-K', ':', input='a:one\nb:two\nc:three\n')
    assert consume(topic, '--grep', 'v:t') == 'two\nthree\n'
    assert consume(topic, '--grep', 'v:t', '--grep', '!k:c') == 'two\n'


def test_topics_are_made_shown_changed_grown_trimmed_and_deleted(topic):
    klog('topic', 'create', topic, '-p', '2', '-c', 'retention.ms=12345')
    assert klog('topic', 'create', topic, check=False).returncode == 1
    klog('topic', 'create', topic, '--if-not-exists')
    klog('topic', 'alter', topic, '--set', 'retention.ms=99999')
    klog('topic', 'add-partitions', topic, '3')
    klog('produce', topic, '-p', '0', input='a\nb\nc\n')
    klog('topic', 'trim', topic, '--offset', '0=2', '--yes')
    (shown,) = json.loads(klog('topic', 'describe', topic, '-o', 'json').stdout)['topics']
    assert [(p['start'], p['end']) for p in shown['partitions']] == [(2, 3), (0, 0), (0, 0)]
    assert {'name': 'retention.ms', 'value': '99999', 'default': False} in shown['configs']
    listed = {t['name']: t for t in json.loads(klog('topic', 'list', '-o', 'json').stdout)['topics']}
    assert (listed[topic]['partitions'], listed[topic]['records']) == (3, 1)
    assert klog('topic', 'delete', topic, check=False).returncode == 2
    klog('topic', 'delete', topic, '--yes')
    assert topic not in klog('topic', 'list', '-o', 'name').stdout.split()


def offsets_end(topic): return sum(p['end'] for p in json.loads(klog('offsets', topic, '-o', 'json').stdout)['partitions'])


@pytest.mark.parametrize('signal_sent', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_producer_says_what_was_acknowledged(topic, signal_sent):
    klog('topic', 'create', topic)
    # A lingering batch is under way, and so is a line that was not ended.
    producer = subprocess.Popen([KLOG, 'produce', topic, '--batch-records', '2', '--linger', '1h'], stdin=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
    producer.stdin.write('one\ntwo\nthree\nunfin')
    producer.stdin.flush()
    wait_until(lambda: offsets_end(topic) == 2, 'the first batch')
    producer.send_signal(signal_sent)
    assert producer.wait(30) == 128 + signal_sent
    assert producer.stderr.read() == 'klog: interrupted: acknowledged through input record 3, byte 14\n'
    assert consume(topic) == 'one\ntwo\nthree\n'


def unread_bytes(port):
    """What came to connections of that port and was not read: of a broker that is stopped, requests under way."""
    rows = [line.split() for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return sum(int(row[4].split(':')[1], 16) for row in rows if int(row[1].split(':')[1], 16) == port and row[3] == '01')


def test_a_second_interrupt_leaves_at_once(topic):
    with Klog() as server:
        server.start()
        producer = subprocess.Popen([KLOG, 'produce', topic, '--create', '-b', server.address, '--linger', '0', '--receipts'], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        producer.stdin.write('one\n')
        producer.stdin.flush()
        assert producer.stdout.readline()  # Acknowledged.
        server.strike(signal.SIGSTOP)
        producer.stdin.write('two\n')
        producer.stdin.flush()
        wait_until(lambda: unread_bytes(server.port) > 0, 'a request under way')
        first = time.monotonic()
        producer.send_signal(signal.SIGINT)
        # It waits for an answer that does not come; a repetition within 100 ms would be the same interrupt.
        wait_until(lambda: time.monotonic() - first > 0.15, 'the second interrupt to count as one')
        assert producer.poll() is None
        producer.send_signal(signal.SIGINT)
        assert producer.wait(5) == 130
        assert 'interrupted again: acknowledged through input record 1, byte 4' in producer.stderr.read()
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize('signal_sent', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_consumer_is_quiet_and_loses_nothing(topic, signal_sent):
    klog('produce', topic, '--create', input=''.join(f'{i}\n' for i in range(100_000)))
    consumer = subprocess.Popen([KLOG, 'consume', topic], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert consumer.stdout.readline() == '0\n'
    consumer.send_signal(signal_sent)
    out = consumer.stdout.read()
    assert (consumer.wait(30), consumer.stderr.read()) == (128 + signal_sent, '')
    # Whole records, in order, from the first on; how many depends on when the signal came.
    assert out == ''.join(f'{i}\n' for i in range(1, len(out.splitlines()) + 1))


def has_a_socket(pid):
    return any(os.readlink(fd).startswith('socket:') for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir() if fd.is_symlink())


def test_an_interrupt_before_there_is_anything_ends_at_once(topic):
    with Klog() as server:
        server.start()
        klog('topic', 'create', topic, '-b', server.address)
        server.strike(signal.SIGSTOP)
        for command, words in ((['consume', topic], ''), (['produce', topic], 'klog: interrupted: acknowledged through input record 0, byte 0\n')):
            waiting = subprocess.Popen([KLOG, *command, '-b', server.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            wait_until(lambda: has_a_socket(waiting.pid), 'a connection')  # Signals are handled since before it.
            waiting.send_signal(signal.SIGINT)
            out, err = waiting.communicate(timeout=10)
            assert (waiting.returncode, out, err) == (130, '', words)
        server.process.send_signal(signal.SIGCONT)
