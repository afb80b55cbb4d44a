# SPDX-License-Identifier: Apache-2.0
"""klog consume --dir: a partition's files read as a consumer of its broker would get them."""
import json
import pathlib
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from batches import batch, marker
from servers import klog

START = 1_700_000_000_000


def consume(*arguments, exit=0):
    done = klog('consume', *arguments, check=False)
    assert done.returncode == exit, (done.stdout[-1000:], done.stderr)
    return done


def values(*arguments): return consume('-f', '%v\n', *arguments).stdout.split()


def write(folder, base, *batches):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{base:020}.log'
    path.write_bytes(b''.join(batches))
    return path


@pytest.fixture
def folder(tmp_path):
    """Offsets 0 to 29 in three segments, one record each second."""
    there = tmp_path / 'data' / 'orders-0'
    for base in (0, 10, 20):
        write(there, base, *[batch(base + i, [(b'k%d' % (base + i), b'v%d' % (base + i))], timestamp=START + 1000 * (base + i))
                             for i in range(10)])
    return there


def numbered(first, end): return [f'v{i}' for i in range(first, end)]


def test_all_of_it_in_order_and_then_done(folder): assert values('--dir', folder) == numbered(0, 30)


@pytest.mark.parametrize('offset, first, end', [('start', 0, 30), ('12', 12, 30), ('8:21', 8, 21), ('+3', 3, 30), ('-4', 26, 30), ('~4', 26, 30),
                                                ('end', 30, 30), (f'@{START + 13_500}', 14, 30), (f'@{START + 5000}:{START + 8000}', 5, 8),
                                                (':7', 0, 7), ('0=25', 25, 30)])
def test_the_offset_grammar(folder, offset, first, end):
    assert values('--dir', folder, '--offset', offset) == numbered(first, end)


def test_counts_filters_and_output_forms(folder):
    assert values('--dir', folder, '-n', '3', '--offset', '18') == numbered(18, 21)
    assert values('--dir', folder, '--grep', 'k:^k1.$') == numbered(10, 20)
    assert consume('--dir', folder, '-n', '1').stdout == 'v0\n'
    assert consume('--dir', folder, '-n', '2', '-K', ':', '-0').stdout == 'k0:v0\0k1:v1\0'
    record = json.loads(consume('--dir', folder, '-n', '1', '-o', 'json').stdout)
    assert (record['topic'], record['partition'], record['offset'], record['value']) == ('orders', 0, 0, 'v0')


def test_a_data_directory_gives_the_topics_and_partitions_asked_for(folder):
    data = folder.parent
    write(data / 'orders-1', 0, batch(0, [(None, b'one')]))
    write(data / 'clicks_0', 0, batch(0, [(None, b'click')]))
    assert values('--dir', data, 'clicks') == ['click']
    assert values('--dir', data, 'orders', '-p', '1') == ['one']
    assert sorted(values('--dir', data)) == sorted(['one', 'click', *numbered(0, 30)])
    assert 'no log' in consume('--dir', data, 'nothing', exit=3).stderr
    assert 'broker' in consume('--dir', data, '--offset', '~3', exit=2).stderr


def test_aborted_and_undecided_records_are_hidden_unless_asked_for(tmp_path):
    def txn(offset, producer, text): return batch(offset, [(None, text)], producer, 0, offset, transactional=True)
    write(tmp_path / 'p-0', 0, txn(0, 1, b'a0'), txn(1, 2, b'b0'), txn(2, 1, b'a1'))
    write(tmp_path / 'p-0', 3, marker(3, 1, commit=False), marker(4, 2, commit=True), txn(5, 1, b'a2'), marker(6, 1, commit=True),
          txn(7, 3, b'open'), batch(8, [(None, b'behind')]))
    assert values('--dir', tmp_path / 'p-0') == ['b0', 'a2']
    assert values('--dir', tmp_path / 'p-0', '--isolation', 'uncommitted') == ['a0', 'b0', 'a1', 'a2', 'open', 'behind']
    # The transaction that began in the segment before is in the rebuilt index of the one with its marker.
    klog('dump-segment', '--rebuild-index', '--in-place', '--yes', tmp_path / 'p-0')
    assert (tmp_path / 'p-0' / f'{3:020}.txnindex').read_bytes() == struct.pack('>hqqqq', 0, 1, 0, 3, 1)
    klog('dump-segment', '--verify', tmp_path / 'p-0')


def test_damage_and_what_is_not_there_are_said(folder, tmp_path):
    path = folder / f'{20:020}.log'
    path.write_bytes(path.read_bytes()[:-5])
    done = consume('-f', '%v\n', '--dir', folder, exit=7)
    assert done.stdout.split() == numbered(0, 29) and str(path) in done.stderr
    assert consume('--dir', tmp_path / 'none', exit=3).stderr.count('\n') == 1
    assert 'group' in consume('--dir', folder, '--offset', 'stored', exit=2).stderr
