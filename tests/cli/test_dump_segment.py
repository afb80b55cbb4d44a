# SPDX-License-Identifier: Apache-2.0
"""klog dump-segment on files that Apache Kafka's classes wrote (tests/records/data) and on ones that were damaged."""
import csv
import io
import json
import pathlib
import re
import shutil
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from batches import batch
from servers import TOP, run, klog

NAME = '00000000000000001000.log'


def java_cases():
    """name: (bytes, entry lines, record lines)"""
    cases = {}
    for line in (TOP / 'tests' / 'records' / 'data' / 'java.txt').read_text().splitlines():
        kind, _, rest = line.partition(' ')
        if kind == 'case': cases[rest] = current = (bytearray(), [], [])
        elif kind == 'bytes': current[0].extend(bytes.fromhex(rest))
        elif kind == 'entry': current[1].append(rest.split())
        elif kind == 'record': current[2].append(rest.split())
    return cases


CASES = java_cases()


def dump(*arguments, exit=0, **options):
    done = klog('dump-segment', *arguments, check=False, **options)
    assert exit is None or done.returncode == exit, (done.stdout[-2000:], done.stderr)
    return done


@pytest.fixture
def partition(tmp_path):
    folder = tmp_path / 'page.views_3'
    folder.mkdir()
    return folder


def segment(folder, *names, base=1000):
    path = folder / f'{base:020}.log'
    path.write_bytes(b''.join(CASES[name][0] for name in names))
    return path


def text_of(word):
    """How java.txt writes a key or value; nothing for one that it only gives a sum of."""
    if word.startswith('#'): return ...
    return {'null': None, 'empty': ''}[word] if word in ('null', 'empty') else bytes.fromhex(word).decode()


@pytest.mark.parametrize('name', CASES)
def test_the_records_of_every_format_and_codec_are_those_that_java_reads(partition, name):
    path = segment(partition, name)
    records = [json.loads(line) for line in dump('-r', '--control', '-o', 'ndjson', path).stdout.splitlines()]
    assert [r['offset'] for r in records] == [int(words[0]) for words in CASES[name][2]]
    for record, words in zip(records, CASES[name][2]):
        assert (record['topic'], record['partition']) == ('page.views', 3)
        assert record['timestamp'] == int(words[1])
        for member, word in (('key', words[2]), ('value', words[3])):
            try: expected = text_of(word)
            except UnicodeDecodeError: continue
            if expected is not ...: assert record[member] == expected


def small(): return [n for n in CASES if n.endswith('-small') and n.startswith('v2')][0]


def test_batches_are_one_line_each_with_a_title(partition):
    name = small()
    lines = dump(segment(partition, name)).stdout.splitlines()
    assert len(lines) == 1 + len(CASES[name][1])
    titles, first = lines[0].split('\t'), lines[1].split('\t')
    row = dict(zip(titles, first))
    assert row['BASE-OFFSET'] == CASES[name][2][0][0] and row['POSITION'] == '0' and row['CRC-OK'] == 'yes'


def test_json_and_csv_of_batches_say_the_same(partition):
    path = segment(partition, small())
    objects = [json.loads(line) for line in dump('-o', 'json', path).stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(dump('-o', 'csv', path).stdout)))
    assert len(objects) == len(rows) > 0
    for obj, row in zip(objects, rows):
        assert set(obj) == set(row)
        assert str(obj['base_offset']) == row['base_offset'] and obj['crc_ok'] is True


def test_stdin_is_a_log_without_a_topic(partition):
    path = segment(partition, small())
    done = dump('-r', '-o', 'ndjson', '-', input=path.read_bytes())
    record = json.loads(done.stdout.splitlines()[0])
    assert 'topic' not in record and record['offset'] == int(CASES[small()][2][0][0])


def test_a_format_a_range_and_a_count(partition):
    name = small()
    path = segment(partition, name)
    offsets = [words[0] for words in CASES[name][2]]
    assert dump('-f', '%o\\n', path).stdout.split() == offsets
    assert dump('-r', '-f', '%o\\n', '-n', '2', path).stdout.split() == offsets[:2]
    assert dump('-f', '%o\\n', '--offset', f'{offsets[1]}:{offsets[3]}', path).stdout.split() == offsets[1:3]
    assert dump('-f', '%o\\n', '--offset', '-2', path).stdout.split() == offsets[-2:]
    assert dump('-f', '%o\\n', '--offset', '+1', path).stdout.split() == offsets[1:]


def test_grep_takes_keys_values_and_headers(partition):
    path = segment(partition, 'v2-gzip-large')
    offsets = [words[0] for words in CASES['v2-gzip-large'][2]]
    assert dump('-f', '%o\\n', '--grep', 'k:^key-(7|8)$', path).stdout.split() == offsets[7:9]
    assert dump('-f', '%o\\n', '--grep', '!k:.', path).stdout == ''
    assert 'filter' in dump('--grep', 'nonsense', path, exit=2).stderr


def test_a_truncated_log_prints_what_is_whole_and_names_the_place(partition):
    path = segment(partition, small(), small())
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-3])
    done = dump('-r', '-f', '%o\\n', path, exit=7)
    assert done.stdout.split() == [words[0] for words in CASES[small()][2]]
    assert done.stderr.count('\n') == 1 and f'{path}: at {size // 2}: ' in done.stderr


def test_a_flipped_bit_is_a_bad_crc_and_later_batches_are_still_printed(partition):
    path = segment(partition, small(), small())
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)
    batches = [json.loads(line) for line in dump('-o', 'json', path, exit=7).stdout.splitlines()]
    assert [b['crc_ok'] for b in batches] == [False, True]
    done = dump('--verify', '-o', 'json', path, exit=7)
    verdict = json.loads(done.stdout)
    assert not verdict['ok'] and verdict['faults'][0]['position'] == 0


@pytest.mark.parametrize('garbage', [b'\0' * 200, b'no log at all, but long enough to look like one' * 3, b'x'])
def test_garbage_ends_in_one_line_and_exit_7(partition, garbage):
    path = partition / NAME
    path.write_bytes(garbage)
    for mode in ([], ['-r'], ['-o', 'json']):
        done = dump(*mode, path, exit=7)
        assert done.stderr.count('\n') == 1 and 'at 0: ' in done.stderr


def test_what_is_missing_unknown_or_no_log_is_said_in_one_line(partition, tmp_path):
    assert str(partition / NAME) in dump(partition / NAME, exit=3).stderr
    assert 'no log files' in dump(partition, exit=3).stderr
    (tmp_path / 'notes.txt').write_text('hello')
    assert '--as' in dump(tmp_path / 'notes.txt', exit=2).stderr
    assert '--records' in dump('--recordz', 'x', exit=2).stderr
    assert 'which file' in dump(exit=2).stderr


def index_of(folder, entries, kind='index', base=1000):
    path = folder / f'{base:020}.{kind}'
    path.write_bytes(b''.join(struct.pack('>ii' if kind == 'index' else '>qi', *entry) for entry in entries))
    return path


def two_batches(folder):
    """A log of two batches at offsets 1000.. and after; returns (path, [batch as JSON])."""
    first = bytes(CASES[small()][0])
    count = len(CASES[small()][2])
    base = int(CASES[small()][2][0][0])
    second = struct.pack('>q', base + count) + first[8:]
    path = folder / f'{base:020}.log'
    path.write_bytes(first + second)
    return path, [json.loads(line) for line in dump('-o', 'json', path).stdout.splitlines()], base


def test_verify_finds_good_indexes_good_and_bad_ones_bad(partition):
    path, batches, base = two_batches(partition)
    second = batches[1]
    good = (second['last_offset'] - base, second['position'])
    time = (batches[0]['max_timestamp'], batches[0]['last_offset'] - base)
    index_of(partition, [good, (0, 0), (0, 0)], base=base)  # Zeros: a file made longer than it is.
    index_of(partition, [time], 'timeindex', base=base)
    assert dump('--verify', partition).stdout.count(': ok') == 3

    def verdicts(exit=7):
        lines = dump('--verify', '-o', 'json', partition, exit=exit).stdout.splitlines()
        return {v['kind']: v for v in map(json.loads, lines)}

    for bad in [(good[0], good[1] + 1), (good[0], good[1] + 100_000), (good[0] - 1, good[1])]:
        index_of(partition, [bad], base=base)
        found = verdicts()
        assert found['log']['ok'] and found['timeindex']['ok'] and not found['index']['ok'], bad
    index_of(partition, [good, good], base=base)
    assert verdicts()['index']['faults'][0]['position'] == 8
    index_of(partition, [good], base=base)
    for bad in [(time[0] - 1, time[1]), (time[0], time[1] + 100_000)]:
        index_of(partition, [bad], 'timeindex', base=base)
        found = verdicts()
        assert found['log']['ok'] and found['index']['ok'] and not found['timeindex']['ok'], bad
    (partition / f'{base:020}.timeindex').write_bytes(b'1234567')
    assert 'no whole entry' in verdicts()['timeindex']['faults'][0]['what']


def test_verify_sees_offsets_that_go_back_are_missing_or_belong_elsewhere(partition):
    path, batches, base = two_batches(partition)
    data = path.read_bytes()
    one = data[:batches[1]['position']]
    path.write_bytes(one + one)
    assert 'comes after' in dump('--verify', path, exit=7).stdout
    path.write_bytes(one)
    next_path = partition / f'{base + 1000:020}.log'
    next_path.write_bytes(struct.pack('>q', base + 1000) + one[8:])
    assert 'are missing before it' in dump('--verify', partition, exit=7).stdout
    next_path.write_bytes(one)
    assert "of the file's name" in dump('--verify', next_path, exit=7).stdout


def test_checkpoints_and_properties_are_read(tmp_path):
    (tmp_path / 'recovery-point-offset-checkpoint').write_text('0\n2\na b 0 5\n'.replace('a b', 'a') + 'b 1 7\n')
    (tmp_path / 'leader-epoch-checkpoint').write_text('0\n1\n3 42\n')
    (tmp_path / 'meta.properties').write_text('#x\ncluster.id=abc\nversion=1\n')
    done = dump('-o', 'json', *(tmp_path / n for n in ('recovery-point-offset-checkpoint', 'leader-epoch-checkpoint',
                                                     'meta.properties')))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows: row.pop('file')
    assert rows == [{'topic': 'a', 'partition': 0, 'offset': 5}, {'topic': 'b', 'partition': 1, 'offset': 7},
                    {'leader_epoch': 3, 'start_offset': 42}, {'key': 'cluster.id', 'value': 'abc'},
                    {'key': 'version', 'value': '1'}]
    (tmp_path / 'leader-epoch-checkpoint').write_text('nonsense')
    assert 'leader-epoch-checkpoint' in dump(tmp_path / 'leader-epoch-checkpoint', exit=7).stderr


def test_a_reader_that_goes_away_ends_it_quietly(partition):
    path = segment(partition, *[small()] * 3000)
    from servers import KLOG
    done = run('bash', '-c', f'"{KLOG}" dump-segment -r "{path}" | head -n 1; exit "${{PIPESTATUS[0]}}"', check=False)
    assert done.stderr == '' and done.stdout.count('\n') == 1


def test_a_full_disk_on_stdout_is_said(partition):
    path = segment(partition, small())
    from servers import KLOG
    done = run('bash', '-c', f'"{KLOG}" dump-segment "{path}" >/dev/full', check=False)
    assert done.returncode == 1 and 'No space left' in done.stderr


def test_a_summary_counts_what_is_there(partition):
    name = small()
    path = segment(partition, name, 'v2-gzip-large')
    figures = json.loads(dump('--summary', '-o', 'json', path).stdout)
    assert figures['records'] == len(CASES[name][2]) + len(CASES['v2-gzip-large'][2])
    assert figures['bytes'] == path.stat().st_size and figures['batches'] == 2
    assert figures['codecs']['gzip']['plain_bytes'] > figures['codecs']['gzip']['bytes']
    assert f"records\t{figures['records']}" in dump('--summary', path).stdout.splitlines()


def test_output_like_kafkas_tool(partition):
    """tests/integration/test_files.py compares it with the tool's own."""
    path = segment(partition, small())
    path.write_bytes(path.read_bytes() + b'torn off in the middle')
    lines = dump('-r', '-o', 'kafka', path, exit=7).stdout.splitlines()
    assert lines[:2] == [f'Dumping {path}', 'Log starting offset: 1000']
    assert lines[2].startswith('baseOffset: 1000 lastOffset: ') and lines[2].endswith(' isvalid: true')
    assert lines[3].startswith('| offset: 1000 CreateTime: ')


# --map, --extract, --rebuild-index, --diff -----------------------------------------------------------------------------

BATCH = bytes(CASES[small()][0])
COUNT = len(CASES[small()][2])


def batch_at(offset):
    """The small batch of Java's at another offset: that lies in front of what the CRC covers."""
    return struct.pack('>q', offset) + BATCH[8:]


def log_of(folder, batches, base=0, between=b''):
    """A log of whole batches from `base` on."""
    path = folder / f'{base:020}.log'
    path.write_bytes(between.join(batch_at(base + i * COUNT) for i in range(batches)))
    return path


def offsets_in(*paths, exit=0): return [int(o) for o in dump('-f', '%o\\n', *paths, exit=exit).stdout.split()]


def test_a_map_shows_batches_gaps_and_damage_and_where_they_are(partition):
    path = partition / f'{0:020}.log'
    bad = bytearray(batch_at(3 * COUNT))
    bad[-1] ^= 1
    path.write_bytes(batch_at(0) + batch_at(2 * COUNT) + bad + batch_at(4 * COUNT) + b'\0' * 100)
    rows = [json.loads(line) for line in dump('--map', '-o', 'json', path, exit=7).stdout.splitlines()]
    size = len(BATCH)
    assert [(r['what'], r['position'], r['size'], r['first_offset'], r['last_offset']) for r in rows] == [
        ('batches', 0, size, 0, COUNT - 1), ('gap', size, 0, COUNT, 2 * COUNT - 1), ('batches', size, size, 2 * COUNT, 3 * COUNT - 1),
        ('damage', 2 * size, size, None, None), ('gap', 3 * size, 0, 3 * COUNT, 4 * COUNT - 1),
        ('batches', 3 * size, size, 4 * COUNT, 5 * COUNT - 1), ('damage', 4 * size, 100, None, None)]
    assert 'CRC' in rows[3]['damage'] and 'zeros' in rows[6]['damage']
    picture = dump('--map', path, exit=7).stdout
    letters = ''.join(line[13:] for line in picture.splitlines()[1:-1] if re.match(r' +\d+  [^ ]+$', line))
    assert set('.~!0') <= set(letters)
    assert f'offsets {COUNT} to {2 * COUNT - 1} are left out' in picture and '100 bytes: zeros' in picture
    assert dump('--map', '-', input=path.read_bytes(), exit=7).stdout.splitlines()[1].split()[1] == b'!'


def test_what_lies_behind_damage_is_found_again(partition):
    """A batch whose length is damaged and bytes that are nothing hide only themselves."""
    path = partition / f'{0:020}.log'
    long = bytearray(batch_at(COUNT))
    long[8:12] = struct.pack('>i', len(BATCH) * 2 + 7)
    path.write_bytes(batch_at(0) + long + batch_at(2 * COUNT) + b'rubbish' * 50 + batch_at(3 * COUNT))
    dump('--extract', '--to', partition / 'saved', path, exit=7)
    saved = partition / 'saved' / path.name
    assert saved.read_bytes() == batch_at(0) + batch_at(2 * COUNT) + batch_at(3 * COUNT)
    dump('--verify', '-r', partition / 'saved')


def test_extract_writes_what_is_good_with_indexes_and_touches_nothing_else(partition, tmp_path):
    path = log_of(partition, 40)
    damaged = bytearray(path.read_bytes())
    damaged[len(BATCH) * 7 + 70] ^= 1
    path.write_bytes(damaged + b'torn')
    other = log_of(partition, 3, base=40 * COUNT)
    before = {p: p.read_bytes() for p in partition.iterdir()}
    done = dump('--extract', '--to', tmp_path / 'new', partition, '--index-interval', '500', '-o', 'json', exit=7)
    rows = {r['written']: r for r in map(json.loads, done.stdout.splitlines())}
    assert rows[str(tmp_path / 'new' / path.name)]['left_out_bytes'] == len(BATCH) + 4
    assert {p: p.read_bytes() for p in partition.iterdir()} == before
    assert offsets_in(tmp_path / 'new') == [o for o in range(43 * COUNT) if o // COUNT != 7]
    assert (tmp_path / 'new' / other.name).read_bytes() == other.read_bytes()
    verdicts = [json.loads(line) for line in dump('--verify', '-o', 'json', tmp_path / 'new').stdout.splitlines()]
    assert {v['kind']: v['entries'] for v in verdicts if v['file'].endswith(('000.index', '000.timeindex'))}['index'] > 5
    # Once more: nothing is written over.
    assert 'already' in dump('--extract', '--to', tmp_path / 'new', partition, exit=1).stderr


def test_in_place_needs_a_yes_and_then_leaves_old_or_new(partition):
    path = log_of(partition, 5)
    whole = path.read_bytes()
    path.write_bytes(whole + b'torn')
    index_of(partition, [(1, 1)], base=0)
    done = dump('--extract', '--in-place', path, exit=7)
    assert '--yes' in done.stderr and path.read_bytes() == whole + b'torn'
    assert sorted(p.suffix for p in partition.iterdir()) == ['.index', '.log']
    dump('--extract', '--in-place', '--dry-run', path, exit=7)
    assert path.read_bytes() == whole + b'torn'
    dump('--extract', '--in-place', '--yes', path, exit=7)
    assert path.read_bytes() == whole
    assert sorted(p.suffix for p in partition.iterdir()) == ['.index', '.log', '.timeindex']
    dump('--verify', partition)
    assert 'nothing was changed' in dump('--rebuild-index', '--in-place', path, exit=2).stderr


def test_in_place_is_refused_while_a_broker_uses_the_directory(partition, tmp_path):
    import fcntl
    path = log_of(partition, 2)
    with open(tmp_path / '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert 'broker' in dump('--rebuild-index', '--in-place', '--yes', path, exit=1).stderr
    assert not list(partition.glob('*.index'))
    dump('--rebuild-index', '--in-place', '--yes', path)
    dump('--verify', partition)


def test_a_rebuilt_index_of_a_damaged_log_points_into_that_log(partition):
    path = log_of(partition, 30)
    data = bytearray(path.read_bytes())
    data[len(BATCH) * 3 + 70] ^= 1
    path.write_bytes(data)
    dump('--rebuild-index', '--in-place', '--yes', '--index-interval', '100', path, exit=7)
    verdicts = {v['kind']: v for v in map(json.loads, dump('--verify', '-o', 'json', partition, exit=7).stdout.splitlines())}
    assert verdicts['index']['ok'] and verdicts['index']['entries'] == 28 and verdicts['timeindex']['ok']


def test_diff_finds_what_differs_and_passes_over_epochs(partition, tmp_path):
    other = tmp_path / 'copy' / 'page.views-3'
    other.mkdir(parents=True)
    log_of(partition, 6)
    same = bytearray(b''.join(batch_at(i * COUNT) for i in range(6)))
    same[12:16] = struct.pack('>i', 9)  # Another leader epoch.
    first, second = other / f'{0:020}.log', other / f'{3 * COUNT:020}.log'
    first.write_bytes(same[:3 * len(BATCH)])
    second.write_bytes(same[3 * len(BATCH):])
    done = dump('--diff', partition, other)
    assert done.stderr == '' and done.stdout.count('\n') == 1  # Titles only.
    second.write_bytes(same[4 * len(BATCH):] + batch_at(6 * COUNT))
    done = dump('--diff', '-o', 'json', partition, other, exit=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r['what'], r['first_offset'], r['last_offset'], r['records']) for r in rows] == [
        ('only_in_a', 3 * COUNT, 4 * COUNT - 1, COUNT), ('only_in_b', 6 * COUNT, 7 * COUNT - 1, COUNT)]
    assert f'from offset {3 * COUNT} on' in done.stderr
    assert 'two' in dump('--diff', partition, exit=2).stderr


def test_diff_names_the_members_that_differ(partition, tmp_path):
    """The same records in other batches are the same; another codec's have other values here."""
    a, b = partition / 'a.log', partition / 'b.log'
    names = [n for n in CASES if n.startswith('v2') and n.endswith('-small')]
    a.write_bytes(bytes(CASES[names[0]][0]))
    b.write_bytes(bytes(CASES[names[1]][0]))
    records = {path: [json.loads(line) for line in dump('-r', '-o', 'json', path).stdout.splitlines()] for path in (a, b)}
    rows = [json.loads(line) for line in dump('--diff', '-o', 'json', a, b, exit=None).stdout.splitlines()]
    differing = {o for r in rows for o in range(r['first_offset'], r['last_offset'] + 1)}
    def without_place(r): return {k: v for k, v in r.items() if k not in ('leader_epoch',)}
    pairs = zip(records[a], records[b])
    assert differing >= {x['offset'] for x, y in pairs if without_place(x) != without_place(y)}


@pytest.mark.parametrize('arguments', [['--map', '--verify', 'x'], ['--extract', 'x'], ['--extract', '--to', 'd', '--in-place', 'x'],
                                       ['--to', 'd', 'x'], ['--map', '-n', '3', 'x'], ['--rebuild-index', '-o', 'kafka', '--to', 'd', 'x']])
def test_modes_that_do_not_go_together_are_refused(arguments):
    assert dump(*arguments, exit=2).stderr.count('\n') <= 2


# The topics of the coordinators ----------------------------------------------------------------------------------------

def text(word): return struct.pack('>h', len(word)) + word


def test_records_of_state_topics_are_decoded_by_the_name_of_the_topic(tmp_path):
    key = struct.pack('>h', 1) + text(b'g') + text(b'orders') + struct.pack('>i', 3)
    value = struct.pack('>hqi', 3, 42, -1) + text(b'') + struct.pack('>q', 1_700_000_000_000)
    group = struct.pack('>h', 3) + text(b'new')
    records = [(key, value), (key, None), (group, bytes([0, 0, 0, 0, 0, 7, 0])), (struct.pack('>h', 99), b''), (b'x', b'y')]
    folder = tmp_path / '__consumer_offsets-0'
    folder.mkdir()
    path = folder / f'{0:020}.log'
    path.write_bytes(batch(0, records))
    rows = [json.loads(line) for line in dump('-r', '-o', 'json', path).stdout.splitlines()]
    assert [r['type'] for r in rows[:3]] == ['OffsetCommit', 'OffsetCommit', 'ConsumerGroupMetadata'] and 'unknown type 99' in rows[3]['type']
    assert rows[0]['key'] == {'group': 'g', 'topic': 'orders', 'partition': 3} and rows[0]['version'] == 3
    assert rows[0]['value'] == {'offset': 42, 'leaderEpoch': -1, 'metadata': '', 'commitTimestamp': 1_700_000_000_000}
    assert rows[1]['value'] is None and rows[2]['value'] == {'epoch': 7} and rows[4]['key'] is None
    assert '"offset":42' in dump('-r', path).stdout
    assert json.loads(dump('-r', '--raw', '-o', 'json', path).stdout.splitlines()[2])['offset'] == 2
    assert 'type' not in json.loads(dump('-r', '--raw', '-o', 'json', path).stdout.splitlines()[2])
    # Any other name: only when asked.
    other = tmp_path / f'{0:020}.log'
    shutil.copy(path, other)
    assert 'OffsetCommit' not in dump('-r', other).stdout and 'OffsetCommit' in dump('--offsets-decoder', other).stdout
    assert '"type":"1","data":{"group":"g"' in dump('-o', 'kafka', '--offsets-decoder', other).stdout
