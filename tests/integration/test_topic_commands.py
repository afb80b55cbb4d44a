# SPDX-License-Identifier: Apache-2.0
"""`klog topic` and `klog offsets`, each test against klog and against Apache Kafka 4.3.1."""
import csv
import io
import itertools
import json
import re

import pytest
import servers

counter = itertools.count()


@pytest.fixture(scope='module', params=['klog', 'kafka'])
def at(request):
    """Runs klog's command against the broker; text out, the exit code checked."""
    with (servers.Klog if request.param == 'klog' else servers.Kafka)() as server:
        server.start()

        def command(*arguments, code=0, **options):
            done = servers.klog(*arguments, '-b', server.address, check=False, **options)
            assert done.returncode == code, (arguments, done.stdout, done.stderr)
            return done

        yield command


@pytest.fixture
def topic(): return f'topic.{next(counter)}'


def documents(done, member): return json.loads(done.stdout)[member]


def test_create_with_partitions_and_configuration(at, topic):
    at('topic', 'create', topic, f'{topic}-2', '-p', 3, '-r', 1, '-c', 'retention.ms=1234567')
    for found in documents(at('topic', 'describe', topic, f'{topic}-2', '-o', 'json'), 'topics'):
        assert [p['partition'] for p in found['partitions']] == [0, 1, 2]
        assert all(len(p['replicas']) == 1 and p['isr'] == p['replicas'] and p['offline'] == [] for p in found['partitions'])
        assert {'name': 'retention.ms', 'value': '1234567', 'default': False} in found['configs']
        assert found['internal'] is False and re.fullmatch(r'[\w-]{22}', found['id'])


def test_create_twice_like_another_and_only_in_thought(at, topic):
    at('topic', 'create', topic, '-p', 2, '-c', 'cleanup.policy=compact')
    again = at('topic', 'create', topic, code=1)
    assert '(TOPIC_ALREADY_EXISTS); --if-not-exists takes it as done' in again.stderr
    at('topic', 'create', topic, '--if-not-exists')
    at('topic', 'create', f'{topic}-b', '--like', topic)
    (found,) = documents(at('topic', 'describe', f'{topic}-b', '-o', 'json'), 'topics')
    assert len(found['partitions']) == 2 and {'name': 'cleanup.policy', 'value': 'compact', 'default': False} in found['configs']
    at('topic', 'create', f'{topic}-c', '--dry-run')
    assert f'{topic}-c' not in at('topic', 'list', '-o', 'name').stdout.split()


@pytest.mark.parametrize('arguments, error', [(['a b'], 'INVALID_TOPIC_EXCEPTION'), (['replicas', '-r', '9'], 'INVALID_REPLICATION_FACTOR'),
                                              (['config', '-c', 'retention.ms=soon'], 'INVALID_CONFIG'), (['config', '-c', 'no.such.key=1'], 'INVALID_CONFIG')])
def test_what_cannot_be_created_is_one_line_with_kafkas_name(at, arguments, error):
    done = at('topic', 'create', *arguments, code=1 if error == 'INVALID_REPLICATION_FACTOR' else 2)
    assert len(done.stderr.splitlines()) == 1 and f'({error})' in done.stderr and done.stderr.startswith(f'klog: {arguments[0]}: ')


def test_list_in_every_form(at, topic):
    at('topic', 'create', topic, '-p', 2)
    at('produce', topic, '-p', 1, input='one\ntwo\n')
    (row,) = documents(at('topic', 'list', topic, '-o', 'json'), 'topics')
    assert (row['name'], row['partitions'], row['replication'], row['records'], row['under_replicated'], row['internal']) == (topic, 2, 1, 2, 0, False)
    assert row['bytes'] > 0
    assert json.loads(at('topic', 'list', topic, '-o', 'ndjson').stdout) == row
    (line,) = csv.DictReader(io.StringIO(at('topic', 'list', topic, '-o', 'csv').stdout))
    assert (line['name'], line['records'], int(line['bytes'])) == (topic, '2', row['bytes'])
    assert at('topic', 'list', topic, '-o', 'name').stdout == f'{topic}\n'
    assert at('topic', 'list', topic).stdout == f'NAME\tPARTITIONS\tREPLICATION\n{topic}\t2\t1\n'
    assert at('topic', 'list', topic, '-o', 'wide').stdout.splitlines()[0].startswith('NAME\tPARTITIONS\tREPLICATION\tBYTES\tRECORDS\tUNDER-REPLICATED')
    assert at('topic', 'list', '--regex', re.escape(topic) + '.?', '-o', 'name').stdout == f'{topic}\n'


def test_describe_in_every_form(at, topic):
    at('topic', 'create', topic, '-p', 2)
    at('produce', topic, '-p', 1, input='one\n')
    rows = list(csv.DictReader(io.StringIO(at('topic', 'describe', topic, '-o', 'csv').stdout)))
    assert [(r['topic'], r['partition'], r['start'], r['end']) for r in rows] == [(topic, '0', '0', '0'), (topic, '1', '0', '1')]
    assert at('topic', 'describe', topic, '-o', 'name').stdout == f'{topic}\n'
    text = at('topic', 'describe', topic).stdout
    assert f'name\t{topic}\n' in text and 'PARTITION\tLEADER\tEPOCH\tREPLICAS\tISR\tSTART\tEND\n' in text
    (found,) = documents(at('topic', 'describe', topic, '--all-configs', '-o', 'json'), 'topics')
    assert {'name': 'cleanup.policy', 'value': 'delete', 'default': True} in found['configs']
    # One that is not there does not hide the others.
    both = at('topic', 'describe', topic, 'not.there', '-o', 'name', code=1)
    assert both.stdout == f'{topic}\n' and both.stderr == ('klog: not.there: there is no such topic (UNKNOWN_TOPIC_OR_PARTITION); '
                                                           '`klog topic list` shows what there is\n')


def test_alter_shows_its_plan_and_asks_when_records_may_go(at, topic):
    value = lambda: {c['name']: c['value'] for c in documents(at('topic', 'describe', topic, '--all-configs', '-o', 'json'), 'topics')[0]['configs']}
    becomes = lambda key, wanted: servers.wait_until(lambda: value()[key] == wanted, f'{key}={wanted}')  # Kafka takes a moment.
    at('topic', 'create', topic, '-c', 'retention.ms=5000')
    done = at('topic', 'alter', topic, '--set', 'retention.ms=9000', '--set', 'segment.ms=60000')
    assert done.stderr.splitlines()[0] == f'klog: {topic}: retention.ms: 5000 -> 9000'
    becomes('retention.ms', '9000')
    becomes('segment.ms', '60000')
    refused = at('topic', 'alter', topic, '--set', 'retention.ms=1000', code=2)
    assert f'klog: {topic}: retention.ms: 9000 -> 1000' in refused.stderr and 'nothing was done; --yes does it' in refused.stderr
    at('topic', 'alter', topic, '--set', 'retention.ms=1000', '--dry-run')
    assert value()['retention.ms'] == '9000'
    at('topic', 'alter', topic, '--set', 'retention.ms=1000', '--yes')
    becomes('retention.ms', '1000')
    at('topic', 'alter', topic, '--append', 'cleanup.policy=compact', '--yes')
    becomes('cleanup.policy', 'delete,compact')
    at('topic', 'alter', topic, '--subtract', 'cleanup.policy=delete', '--yes')
    becomes('cleanup.policy', 'compact')
    at('topic', 'alter', topic, '--delete', 'segment.ms')
    becomes('segment.ms', '604800000')
    assert '(INVALID_CONFIG)' in at('topic', 'alter', topic, '--set', 'segment.ms=often', code=2).stderr


def test_partitions_are_added_and_never_taken_away(at, topic):
    at('topic', 'create', topic, '-p', 2)
    at('topic', 'add-partitions', topic, 4, '--dry-run')
    assert len(documents(at('offsets', topic, '-o', 'json'), 'partitions')) == 2
    at('topic', 'add-partitions', topic, 4)
    assert len(documents(at('offsets', topic, '-o', 'json'), 'partitions')) == 4
    assert '(INVALID_PARTITIONS)' in at('topic', 'add-partitions', topic, 3, code=1).stderr


def test_trim_deletes_what_lies_before(at, topic):
    starts = lambda: [p['start'] for p in documents(at('offsets', topic, '-o', 'json'), 'partitions')]
    at('topic', 'create', topic, '-p', 2)
    for partition in (0, 1): at('produce', topic, '-p', partition, '-f', '%T %v\\n', input=''.join(f'{1000 + i} {i}\n' for i in range(10)))
    plan = at('topic', 'trim', topic, '--offset', '0=4', '--dry-run')
    assert plan.stderr == f'klog: {topic}/0: 4 of 10 records go, those before offset 4\n' and starts() == [0, 0]
    at('topic', 'trim', topic, '--offset', '0=4', code=2)
    assert starts() == [0, 0]
    at('topic', 'trim', topic, '--offset', '0=4', '--yes')
    assert starts() == [4, 0]
    at('topic', 'trim', topic, '--offset', '@1007', '--yes')
    assert starts() == [7, 7]
    at('topic', 'trim', topic, '--offset', '-1', '--yes')
    assert starts() == [9, 9]
    at('topic', 'trim', topic, '--offset', 'end', '--yes')
    assert starts() == [10, 10]
    assert 'is not an offset' in at('topic', 'trim', topic, '--offset', 'soon', code=2).stderr


def test_delete_takes_all_or_none(at, topic):
    at('topic', 'create', topic, f'{topic}-2')
    at('produce', topic, input='one\n')
    plan = at('topic', 'delete', topic, code=2)
    assert plan.stderr == f'klog: {topic}: 1 partition and 1 record go\nklog: nothing was done; --yes does it\n'
    at('topic', 'delete', topic, '--dry-run')
    at('topic', 'delete', topic, 'not.there', '--yes', code=1)
    assert topic in at('topic', 'list', '-o', 'name').stdout.split()
    at('topic', 'delete', '--regex', re.escape(topic) + '(-2)?', '--yes')
    assert not {topic, f'{topic}-2'} & set(at('topic', 'list', '-o', 'name').stdout.split())
    assert '(UNKNOWN_TOPIC_OR_PARTITION)' in at('topic', 'delete', topic, '--yes', code=3).stderr


def test_offsets_start_end_count_and_at_a_time(at, topic):
    at('topic', 'create', topic, '-p', 2)
    at('produce', topic, '-p', 1, '-f', '%T %v\\n', input=''.join(f'{1000 + i} {i}\n' for i in range(10)))
    rows = documents(at('offsets', topic, '--at', '1004', '-o', 'json'), 'partitions')
    assert [(r['topic'], r['partition'], r['start'], r['end'], r['count'], r['at']) for r in rows] == [(topic, 0, 0, 0, 0, 0), (topic, 1, 0, 10, 10, 4)]
    assert [r['at'] for r in documents(at('offsets', topic, '--at', '@1970-01-01T00:00:02Z', '-o', 'json'), 'partitions')] == [0, 10]
    assert at('offsets', topic, '--committed').stdout == f'TOPIC\tPARTITION\tSTART\tEND\tCOUNT\n{topic}\t0\t0\t0\t0\n{topic}\t1\t0\t10\t10\n'
    assert at('offsets', topic, '-o', 'csv').stdout.splitlines()[0] == 'topic,partition,start,end,count,at,leader_epoch'
    some = at('offsets', topic, 'not.there', '-o', 'ndjson', code=1)
    assert len(some.stdout.splitlines()) == 2 and '(UNKNOWN_TOPIC_OR_PARTITION)' in some.stderr
    assert 'is not a time' in at('offsets', topic, '--at', 'noon', code=2).stderr
