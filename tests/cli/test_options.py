# SPDX-License-Identifier: Apache-2.0
"""Options of produce and consume, one after the other, and what they say when something is wrong."""
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import time

import pytest
from servers import KLOG, Klog, klog

pytestmark = pytest.mark.usefixtures('broker')


def consume(topic, *arguments, **options): return klog('consume', topic, '-e', *arguments, **options).stdout


def refused(*arguments, code=2, **options):
    """The one line of a command that fails."""
    done = klog(*arguments, check=False, **options)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert done.stderr.startswith('klog: ')
    return done.stderr


def test_framing_by_length_null_line_and_whole_file(topic):
    klog('topic', 'create', topic)
    values = [b'a\nb', b'', b'\0\xff', b'x' * 70_000]
    klog('produce', topic, '--framing', 'len32', input=b''.join(struct.pack('>I', len(v)) + v for v in values))
    klog('produce', topic, '--framing', 'null', input=b'c\nd\0')
    klog('produce', topic, '--framing', 'line', input=b'e\nf\n')
    klog('produce', topic, '--framing', 'whole-file', input=b'g\nh\n')
    wanted = [*values, b'c\nd', b'e', b'f', b'g\nh\n']
    assert consume(topic, '-f', '%R%v', input=b'') == b''.join(struct.pack('>I', len(v)) + v for v in wanted)
    assert '--framing is line, null, len32 or whole-file' in refused('produce', topic, '--framing', 'tar')
    done = klog('produce', topic, '--framing', 'len32', input=b'\0\0\0\5abc', check=False)
    assert done.returncode == 1 and b'the input ends inside a record' in done.stderr


def test_delimiters_of_several_bytes_go_both_ways(topic):
    text = b'k1=>one||k2=>two=>2||no key||=>||'
    klog('produce', topic, '--create', '-K', '=>', '-D', '||', input=text)
    assert consume(topic, '-K', '=>', '-D', '||', input=b'') == text
    assert consume(topic, '-f', '%K %V\\n').splitlines() == ['2 3', '2 6', '-1 6', '0 0']
    klog('produce', topic, '-D', '\\x1e\\t', input=b'a\nb\x1e\tc')
    assert consume(topic, '--offset', '4', '-0', input=b'') == b'a\nb\0c\0'
    assert 'an empty delimiter parts nothing' in refused('produce', topic, '-D', '')
    assert 'unknown escape \\q' in refused('produce', topic, '-D', '\\q')


def test_keys_headers_partitions_and_tombstones(topic):
    klog('produce', topic, '--create=3', '-k', 'key', '-H', 'a=1', '-H', 'b=', '-p', '2', '-Z', input='v\n\n')
    assert consume(topic, '-f', '%p %k %V %h\\n') == '2 key 1 a=1,b=\n2 key -1 a=1,b=\n'
    klog('produce', topic, '-Z', '-f', '%k\\n', '-p', '0', input='gone\n')
    assert consume(topic, '-p', '0', '-f', '%k %V\\n') == 'gone -1\n'
    assert "header 'a' is not NAME=VALUE" in refused('produce', topic, '-H', 'a')


def test_partitioners(topic):
    klog('topic', 'create', topic, '-p', '3')
    klog('produce', topic, '--partitioner', 'round-robin', input='a\nb\nc\nd\ne\nf\n')
    assert sorted(consume(topic, '-f', '%p ').split()) == ['0', '0', '1', '1', '2', '2']
    # As Java: murmur2("21") % 3 and so on; the values are those of Kafka's own test of Utils.murmur2.
    klog('produce', topic, '-K', ':', input='21:x\nfoobar:x\na-little-bit-long-string:x\n')
    murmur2 = {'21': -973932308, 'foobar': -790332482, 'a-little-bit-long-string': -985981536}
    wanted = {key: (hash & 0x7fffffff) % 3 for key, hash in murmur2.items()}
    assert {k: int(p) for k, p in (line.split() for line in consume(topic, '-f', '%k %p\\n', '--grep', 'v:x').splitlines())} == wanted
    assert 'there is no partitioner' in refused('produce', topic, '--partitioner', 'best')


def test_batches_by_records_by_bytes_and_compressed(topic, broker):
    klog('produce', topic, '--create', '--batch-records', '10', '--linger', '1s', '-z', 'zstd:3', input='line\n' * 100)
    assert {b['count'] for b in broker.batches(topic)} == {10} and {b['codec'] for b in broker.batches(topic)} == {4}
    klog('produce', f'{topic}-b', '--create', '--batch-bytes', '1k', '--linger', '1s', input=('x' * 90 + '\n') * 100)
    assert 10 <= len(broker.batches(f'{topic}-b')) <= 20
    assert 'is not between' in refused('produce', topic, '--batch-bytes', '0')
    assert "there is no codec 'zstdd'" in refused('produce', topic, '-z', 'zstdd')
    assert 'is not between' in refused('produce', topic, '-z', 'zstd:99')


@pytest.mark.parametrize('acks', ['0', '1', 'all'])
def test_acks(topic, acks):
    klog('topic', 'create', topic)
    klog('produce', topic, '--acks', acks, input='a\nb\n')
    assert consume(topic) == 'a\nb\n'
    refused('produce', topic, '--acks', '2')


def test_the_rate_is_kept(topic):
    klog('topic', 'create', topic)
    began = time.monotonic()
    klog('produce', topic, '--rate', '100/s', input='x\n' * 101)
    took = time.monotonic() - began
    assert 0.85 <= took, 'a hundred records after the first, less what a burst may be'
    assert len(consume(topic)) == 202
    assert 'is not between' in refused('produce', topic, '--rate', '0')


def test_receipts_are_written_while_the_input_goes_on(topic):
    producer = subprocess.Popen([KLOG, 'produce', topic, '--create', '--receipts'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for i in range(3):
        producer.stdin.write(f'{i}\n')
        producer.stdin.flush()
        assert producer.stdout.readline() == f'{i + 1}\t{topic}\t0\t{i}\n'
    producer.stdin.close()
    assert producer.wait(10) == 0


def test_counts_partitions_isolation_and_several_topics(topic):
    klog('produce', topic, '--create=2', '-f', '%p %v\\n', input='0 a\n1 b\n0 c\n')
    assert consume(topic, '-p', '0', '-n', '1') == 'a\n'
    assert consume(topic, '-n', '0') == ''
    assert sorted(consume(topic, '-p', '0,1').split()) == ['a', 'b', 'c']
    assert sorted(consume(topic, '--isolation', 'uncommitted').split()) == ['a', 'b', 'c']
    klog('produce', f'{topic}-2', '--create', input='d\n')
    assert sorted(consume(topic, f'{topic}-2').split()) == sorted(consume(f'--topic={topic}', '-t', f'{topic}-2').split()) == ['a', 'b', 'c', 'd']
    assert 'there is no partition 7: the topic has 2' in refused('consume', topic, '-p', '7', '-e', code=3)
    refused('consume', topic, '--isolation', 'snapshot')
    # A count ends a follower too.
    assert klog('consume', topic, '-n', '3').stdout.count('\n') == 3


def test_topics_by_pattern_only_when_asked(topic):
    for name in ('a.b', 'axb', 'a.b.c'): klog('produce', f'{topic}-{name}', '--create', input=f'{name}\n')
    assert consume(f'{topic}-a.b') == 'a.b\n'
    assert sorted(consume('--regex', f'{topic}-a.b').split()) == ['a.b', 'axb']
    assert klog('topic', 'list', '--regex', f'{topic}-.*', '-o', 'name').stdout.split() == [f'{topic}-{n}' for n in ('a.b', 'a.b.c', 'axb')]
    assert len(json.loads(klog('offsets', '--regex', f'{topic}-.*', '-o', 'json').stdout)['partitions']) == 3
    assert "no topic matches 'nothing.*'" in refused('consume', '--regex', 'nothing.*', '-e', code=3)
    assert 'is not a regular expression' in refused('consume', '--regex', 'a(', '-e')


def test_grep_looks_at_keys_values_and_headers(topic):
    klog('produce', topic, '--create', '-i', 'json', input='{"key":"k1","value":"one","headers":["h","x"]}\n{"key":"k2","value":"two"}\n{"key":null,"value":null}\n')
    assert consume(topic, '--grep', 'h.h:^x$') == 'one\n'
    assert consume(topic, '--grep', '!k:1', '-f', '%o\\n') == '1\n2\n'
    assert consume(topic, '--grep', 'v:o', '-n', '1', '--offset', '1') == 'two\n'
    assert 'is not a filter' in refused('consume', topic, '--grep', 'one')
    refused('consume', topic, '--grep', 'v:(')


def test_every_modifier_prints_and_what_can_be_read_is_read_back(topic):
    klog('produce', topic, '--create', '-i', 'json', input='{"key":"k\\u00e9","value":"a\\"\\n","timestamp":1700000000123,"headers":["h","1"]}\n')
    printed = consume(topic, '-f', '%t %p %o %k{hex} %v{base64} %v{json} %v{q} %K %V %S %s{hex} %T %F %h %H %h{%k=%v;} %e{ascii} %t{len} %%\\n')
    assert printed == (f'{topic} 0 0 6bc3a9 YSIK "a\\"\\n" a"\\n 3 3 3 61220a 1700000000123 2023-11-14T22:13:20.123Z h=1 1 h=1; 0 {len(topic)} %\n')
    assert consume(topic, '-f', '%V{big16}%V{little32}%o{big8}%T{big64}', input=b'') == struct.pack('>h', 3) + struct.pack('<i', 3) + b'\0' + struct.pack('>q', 1700000000123)
    lossless = '%T %K{big32}%k%V{little64}%v%H %h{%K{big16}%k%V{big32}%v}\\n'
    klog('produce', f'{topic}-copy', '--create', '-f', lossless, input=consume(topic, '-f', lossless, input=b''))
    strip = lambda name: [{k: v for k, v in json.loads(line).items() if k != 'topic'} for line in consume(name, '-o', 'json').splitlines()]
    assert strip(topic) == strip(f'{topic}-copy')


@pytest.mark.parametrize('format, words', [('%', 'ends in a lone %'), ('%z', 'has no %z'), ('%v{hxe}', "did you mean 'hex'"), ('%v{hex', 'no closing brace'),
                                           ('%h{}', 'is empty'), ('\\q', 'unknown escape')])
def test_formats_that_are_none(topic, format, words):
    assert words in refused('consume', topic, '-f', format)
    assert words in refused('produce', topic, '-f', format)


def test_a_format_that_cannot_be_read_back_is_refused(topic):
    assert 'must be followed by a delimiter' in refused('produce', topic, '-f', '%k%v')
    assert 'prints only' in refused('produce', topic, '-f', '%v{q}\\n')


def test_a_line_over_the_limit_is_not_gathered(topic):
    klog('topic', 'create', topic, '-c', 'max.message.bytes=2000000')
    producer = subprocess.Popen([KLOG, 'produce', topic], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    producer.stdin.write(b'first\n')
    # It ends while the line still goes on: its length is not waited for.
    with pytest.raises(BrokenPipeError):
        for _ in range(1000): producer.stdin.write(b'x' * 1_000_000)
    assert producer.wait(30) == 1
    error, through = producer.stderr.read().decode().splitlines()
    assert error == (f'klog: {topic}: record 2, which begins at byte 6, is longer than max.message.bytes=2000000 (MESSAGE_TOO_LARGE); '
                     'raise max.message.bytes of the topic, or split the record')
    assert through == 'klog: acknowledged through input record 1, byte 6'
    assert consume(topic) == 'first\n'


QUICK = ['-X', 'delivery.timeout.ms=1500', '-X', 'request.timeout.ms=1000', '-X', 'max.block.ms=1000', '-X', 'socket.connection.setup.timeout.ms=1000']


def producer_with_one_record(server, topic):
    producer = subprocess.Popen([KLOG, 'produce', topic, '--create', '-b', server.address, '--linger', '0', '--receipts', *QUICK],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    producer.stdin.write('one\n')
    producer.stdin.flush()
    assert producer.stdout.readline()  # Acknowledged.
    return producer


@pytest.mark.parametrize('fate', [signal.SIGSTOP, signal.SIGKILL])
def test_a_broker_that_hangs_or_dies_ends_a_producer_in_time(topic, fate):
    with Klog() as server:
        server.start()
        producer = producer_with_one_record(server, topic)
        server.strike(fate)
        producer.stdin.write('two\nthree\n')
        producer.stdin.flush()
        assert producer.wait(30) == 1
        error, through = producer.stderr.read().splitlines()
        assert error.startswith(f'klog: {topic}/0: ') and '(REQUEST_TIMED_OUT)' in error
        assert through == 'klog: acknowledged through input record 1, byte 4'


@pytest.mark.parametrize('fate, code', [(signal.SIGSTOP, 4), (signal.SIGKILL, 5)])
def test_a_broker_that_hangs_or_dies_ends_a_consumer_that_wants_an_end(topic, fate, code):
    with Klog() as server:
        server.start()
        klog('produce', topic, '--create', '-b', server.address, input='one\n')
        consumer = subprocess.Popen([KLOG, 'consume', topic, '-n', '2', '-b', server.address, *QUICK], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        assert consumer.stdout.readline() == 'one\n'
        server.strike(fate)
        assert consumer.wait(30) == code
        assert 'no broker has answered' in consumer.stderr.read()


def test_a_follower_outlives_its_broker(topic):
    with Klog() as server:
        server.start()
        klog('produce', topic, '--create', '-b', server.address, input='one\n')
        follower = subprocess.Popen([KLOG, 'consume', topic, '-b', server.address, *QUICK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert follower.stdout.readline() == 'one\n'
        server.kill()
        server.start()
        klog('produce', topic, '-b', server.address, input='two\n')
        assert follower.stdout.readline() == 'two\n'
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 130


def test_a_full_disk_or_a_closed_stdout_is_said(topic):
    klog('produce', topic, '--create', input='one\n')
    for command in (['consume', topic, '-e'], ['topic', 'list'], ['offsets', topic], ['topic', 'describe', topic], ['produce', topic, '--receipts']):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([KLOG, *command], input=b'x\n', stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1 and b'cannot write the output: No space left on device' in done.stderr, command
    done = subprocess.run(['sh', '-c', f'{KLOG} consume {topic} -e >&-'], stderr=subprocess.PIPE)
    assert done.returncode == 1 and b'cannot write the output' in done.stderr


def test_what_is_no_kafka_broker_is_a_place_that_cannot_be_reached(topic):
    import socket
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        command = subprocess.Popen([KLOG, 'consume', topic, '-b', f'127.0.0.1:{port}'], stderr=subprocess.PIPE, text=True)
        stream, _ = other.accept()
        stream.recv(100)
        stream.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        stream.close()
        assert command.wait(10) == 5
        assert 'does not answer as a Kafka broker does' in command.stderr.read()


def on_a_terminal(*arguments, until=b'', **environment):
    """What a command prints to a terminal: stdin, stdout and stderr are one."""
    env = {**os.environ, 'TERM': 'xterm', **environment}
    env.pop('NO_COLOR', None) if 'NO_COLOR' not in environment else None
    pid, terminal = pty.fork()
    if pid == 0: os.execve(KLOG, [str(KLOG), *map(str, arguments)], env)
    printed = b''
    while True:
        try: more = os.read(terminal, 65536)
        except OSError: break
        if not more: break
        printed += more
        if until and until in printed:
            os.write(terminal, b'n\n')
            until = b''
    os.close(terminal)
    return printed.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_gets_colour_place_and_alignment_and_a_pipe_does_not(topic):
    klog('produce', topic, '--create', '-f', '%T %k %v\\n', input='1000 k v\n')
    assert on_a_terminal('consume', topic, '-e')[0] == f'\x1b[2m1970-01-01T00:00:01.000Z {topic}/0@0\x1b[0m \x1b[36mk\x1b[0m v\r\n'
    assert on_a_terminal('consume', topic, '-e', NO_COLOR='1')[0] == f'1970-01-01T00:00:01.000Z {topic}/0@0 k v\r\n'
    assert '\x1b' in on_a_terminal('consume', topic, '-e', NO_COLOR='')[0]
    assert consume(topic) == 'v\n'
    assert '  ' in on_a_terminal('offsets', topic)[0] and '\t' not in on_a_terminal('offsets', topic)[0]


def test_a_terminal_is_asked_before_a_topic_goes(topic):
    klog('produce', topic, '--create', input='one\n')
    printed, code = on_a_terminal('topic', 'delete', topic, until=b'[y/N] ')
    assert f'{topic}: 1 partition and 1 record go' in printed and 'nothing was done' in printed and code == 2
    assert consume(topic) == 'one\n'


def test_progress_is_shown_on_a_terminal_only(topic, tmp_path):
    klog('topic', 'create', topic)
    lines = tmp_path / 'lines'
    lines.write_text('x\n' * 150)
    read, write = pty.openpty()
    with open(lines) as source, open(tmp_path / 'out', 'w') as out:
        producer = subprocess.Popen([KLOG, 'produce', topic, '--rate', '100'], stdin=source, stdout=out, stderr=write)
        os.close(write)
        printed = b''
        try:
            while more := os.read(read, 4096): printed += more
        except OSError: pass
        assert producer.wait(10) == 0
    os.close(read)
    assert b' records, ' in printed and printed.endswith(b'\r\x1b[K')
    assert klog('produce', topic, '--rate', '100', input='x\n' * 80).stderr == ''
