# SPDX-License-Identifier: Apache-2.0
"""A byte that rots on the broker's disk costs the batch that it is in, and nothing else; everybody is told."""
import pytest

from servers import Klog, klog, run


@pytest.fixture
def damaged(topic):
    """A broker whose second of four batches, each with two records, has one bit flipped."""
    with Klog() as server:
        server.start()
        for i in range(4):
            klog('produce', topic, '-b', server.address, *(['--create'] if i == 0 else []), input=f'a{i}\nb{i}\n')
        assert server.stop() == 0
        (segment,) = server.segments(topic)
        data = bytearray(segment.read_bytes())
        second = 12 + int.from_bytes(data[8:12], 'big')
        data[second + 70] ^= 1
        segment.write_bytes(data)
        yield server.start()


def test_consume_ends_with_the_place_of_the_damage_and_goes_on_behind_it_when_told(damaged, topic):
    consume = lambda *options: klog('consume', topic, '-b', damaged.address, *options, check=False, timeout=60)
    got = consume('-e')
    assert got.returncode == 7
    assert got.stdout.split() == ['a0', 'b0']
    assert f'{topic}: partition 0: the batch at offset 2 is damaged on the broker (CORRUPT_MESSAGE)' in got.stderr
    assert 'klog consume --offset N' in got.stderr
    assert consume('-e', '--offset', '3').returncode == 7
    assert consume('-e', '--offset', '4').stdout.split() == ['a2', 'b2', 'a3', 'b3']
    klog('produce', topic, '-b', damaged.address, input='more\n')
    assert consume('-e', '--offset', '7').stdout.split() == ['b3', 'more']


def test_the_broker_says_once_what_it_cannot_read(damaged, topic):
    for _ in range(3): run('kcat', '-b', damaged.address, '-C', '-t', topic, '-p', '0', '-o', '2', '-c', '1', '-e', check=False)
    (line,) = [line for line in damaged.log.splitlines() if 'damaged' in line]
    assert f'{topic}-0: damaged: offsets 2 to 3 cannot be read' in line
    assert '00000000000000000000.log: at ' in line


def test_kcat_reads_what_is_behind_the_damage(damaged, topic):
    got = run('kcat', '-b', damaged.address, '-q', '-C', '-t', topic, '-p', '0', '-o', '4', '-e')
    assert got.stdout.split() == ['a2', 'b2', 'a3', 'b3']
