# SPDX-License-Identifier: Apache-2.0
"""Servers that the tests talk to: klog's own broker and a real Apache Kafka 4.3.1, behind the same few methods."""
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
KLOG = pathlib.Path(os.environ.get('KLOG', TOP / 'build' / 'cmd' / 'klog'))
CODECS = {'none': 0, 'gzip': 1, 'snappy': 2, 'lz4': 3, 'zstd': 4}


def wait_until(condition, what, timeout_s=30):
    """Looks at the condition again and again until it holds; the time-out is only there to end a test that hangs."""
    end = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > end: raise AssertionError(f'gave up waiting for {what}')
        threading.Event().wait(0.02)
    return result


def free_ports(count):
    """Ports that are free now, consecutive. For servers that cannot choose one themselves."""
    while True:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            first = probe.getsockname()[1]
        if first + count > 65535: continue
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.create_server(('127.0.0.1', port)))
            return first
        except OSError:
            continue
        finally:
            for s in sockets: s.close()


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


class Server:
    """A broker in a process of its own, on a free port of loopback, with its data in a folder of its own."""

    def __init__(self, folder=None, **config):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix='klog-test-'))
        self.config = config
        self.process = None
        self.port = None

    @property
    def address(self): return f'127.0.0.1:{self.port}'

    @property
    def log(self): return (self.folder / 'broker.log').read_text(errors='replace')

    def kill(self):
        """kill -9, as a crash would."""
        self.process.kill()
        self.process.wait()

    def strike(self, fate):
        """Sends SIGSTOP or SIGKILL, and returns when it has happened: kill(2) returns before the threads stand still."""
        self.process.send_signal(fate)
        if fate == signal.SIGKILL: return self.process.wait()
        states = lambda: [path.read_text().rpartition(')')[2].split()[0] for path in pathlib.Path(f'/proc/{self.process.pid}/task').glob('*/stat')]
        wait_until(lambda: set(states()) == {'T'}, 'all threads to stop')

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self):
        if self.process and self.process.poll() is None: self.kill()
        if self.own_folder: shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self): return self

    def __exit__(self, *_): self.close()

    def segments(self, topic, partition=0):
        return sorted(self.partition_folder(topic, partition).glob('*.log'))

    def batches(self, topic, partition=0):
        """The headers of all record batches on disk, in order."""
        found = []
        for path in self.segments(topic, partition):
            data = path.read_bytes()
            at = 0
            while at + 61 <= len(data):
                base, length = struct.unpack_from('>qi', data, at)
                if length <= 0: break
                attributes, = struct.unpack_from('>h', data, at + 21)
                count, = struct.unpack_from('>i', data, at + 57)
                producer, epoch, sequence = struct.unpack_from('>qhi', data, at + 43)
                found.append({'base_offset': base, 'codec': attributes & 7, 'log_append_time': bool(attributes & 8),
                              'count': count, 'producer_id': producer, 'epoch': epoch, 'sequence': sequence})
                at += 12 + length
        return found


class Klog(Server):
    name = 'klog'
    wrapper = []  # What runs the broker: strace and its kind, as long as the process stays the broker.

    def start(self, *arguments):
        ready = self.folder / 'ready'
        ready.unlink(missing_ok=True)
        command = [*self.wrapper, KLOG, 'broker', '--data-dir', self.folder / 'data', '--listen', f'127.0.0.1:{self.port or 0}',
                   '--ready-file', ready]
        for key, value in self.config.items(): command += ['--set', f'{key.replace("_", ".")}={value}']
        with open(self.folder / 'broker.log', 'ab') as log:
            self.process = subprocess.Popen([*map(str, command), *arguments], stdout=log, stderr=log)
        wait_until(lambda: ready.exists() and ready.read_text().strip() or self.process.poll() is not None, 'klog broker')
        assert self.process.poll() is None, self.log
        self.port = int(re.search(r':(\d+)\s*$', ready.read_text().strip().splitlines()[0])[1])
        return self

    def partition_folder(self, topic, partition=0): return self.folder / 'data' / f'{topic}_{partition}'


class Kafka(Server):
    name = 'kafka'

    def start(self, *arguments):
        self.port = self.port or free_ports(2)
        config = [f'{key.replace("_", ".")}={value}' for key, value in self.config.items()]
        with open(self.folder / 'broker.log', 'ab') as log:
            self.process = subprocess.Popen([TOP / 'tools' / 'kafka-server', self.folder, str(self.port), *config],
                                            stdout=log, stderr=log)
        wait_until(lambda: answers(self.port) or self.process.poll() is not None, 'Apache Kafka', 120)
        assert self.process.poll() is None, self.log
        return self

    def partition_folder(self, topic, partition=0): return self.folder / 'data' / f'{topic}-{partition}'


def run(*command, input=None, check=True, timeout=60, env=None):
    """Runs a command to its end; text in and out unless the input is bytes. A failure shows what it said."""
    text = not isinstance(input, bytes)
    done = subprocess.run([str(c) for c in command], input=input, capture_output=True, text=text, timeout=timeout,
                          env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        raise AssertionError(f'{" ".join(map(str, command))} exited {done.returncode}\n{done.stdout}\n{done.stderr}')
    return done


def klog(*arguments, **options):
    return run(KLOG, *arguments, **options)


def kafka_tool(class_name, *arguments, **options):
    return run(TOP / 'tools' / 'kafka-server', '--tool', class_name, *arguments, **options)
