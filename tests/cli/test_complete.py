# SPDX-License-Identifier: Apache-2.0
"""Completions: the engine, and each shell's script with it."""
import os
import pathlib
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from servers import KLOG, TOP, Klog, klog, run

PATH = {'PATH': f'{KLOG.parent}:{os.environ["PATH"]}'}


@pytest.fixture(scope='module')
def server():
    with Klog() as broker:
        broker.start()
        for name in ('orders', 'orders-late', 'payments'): klog('topic', 'create', name, '-b', broker.address)
        yield broker


def complete(*words, **options):
    kind, *lines = klog('complete', '--', *words, **options).stdout.splitlines()
    return kind, [line.split('\t')[0] for line in lines]


@pytest.mark.parametrize('words, wanted', [
    (('prod',), ['produce']), (('help', 'off'), ['offsets']), (('topic', 'de'), ['describe', 'delete']), (('topic', 'create', '--repl'), ['--replication']),
    (('consume', 'x', '-o', 'nd'), ['ndjson']), (('consume', 'x', '--output=j'), ['--output=json']), (('topic', 'list', '-o', 'c'), ['csv']),
    (('produce', 'x', '--acks', ''), ['0', '1', 'all']), (('nosuch', ''), []), (('explain', '--', '-o'), [])])
def test_words_come_from_the_declaration(words, wanted):
    assert complete(*words) == ('words', wanted)


def test_files_are_left_to_the_shell():
    assert complete('dump-segment', '') == ('file', []) and complete('consume', '--client-config', '/e') == ('file', [])


def test_hidden_commands_stay_hidden():
    kind, names = complete('')
    assert {'broker', 'produce', 'run', 'ready'} <= set(names) and not {'complete', 'man'} & set(names)


def test_topics_are_those_of_the_cluster_on_the_line(server, tmp_path):
    cache = {'XDG_CACHE_HOME': str(tmp_path)}
    assert complete('consume', '-b', server.address, 'ord', env=cache) == ('words', ['orders', 'orders-late'])
    assert complete('topic', 'describe', f'--bootstrap={server.address}', 'p', env=cache) == ('words', ['payments'])


def test_topics_of_the_last_time_stand_in_for_a_broker_that_is_silent(tmp_path):
    cache = {'XDG_CACHE_HOME': str(tmp_path)}
    with socket.create_server(('127.0.0.1', 0)) as mute:
        address = '127.0.0.1:%d' % mute.getsockname()[1]
        assert complete('consume', '-b', address, '', env=cache) == ('words', [])
        (tmp_path / 'klog').mkdir()
        (tmp_path / 'klog' / f'topics-{address}').write_text('remembered\n')
        assert complete('consume', '-b', address, 're', env=cache) == ('words', ['remembered'])


def test_bash(server, tmp_path):
    script = f'''source {TOP}/completions/klog.bash
        try() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _klog 2>/dev/null; echo "${{COMPREPLY[*]}}"; }}
        try klog topic de; try klog consume -b localhost : {server.port} ord; try klog consume x --output = js'''
    assert run('bash', '-c', script, env={**PATH, 'XDG_CACHE_HOME': str(tmp_path)}).stdout.splitlines() == ['describe delete', 'orders orders-late', 'json']


def test_zsh(server, tmp_path):
    # The functions of zsh's completion system, as far as the script uses them, print what they are given.
    script = f'''_describe() {{ print -l -- "${{(@)${{(P)2}}%%:*}}" }}; compadd() {{ shift; print -l -- "$@" }}; _files() {{ print files }}
        try() {{ words=("$@") CURRENT=$#; source {TOP}/completions/_klog }}
        try klog topic de; try klog consume -b {server.address} ord; try klog dump-segment ""'''
    assert run('zsh', '-f', '-c', script, env={**PATH, 'XDG_CACHE_HOME': str(tmp_path)}).stdout.split() == ['describe', 'delete', 'orders', 'orders-late', 'files']


def test_fish(server, tmp_path):
    env = {**PATH, 'XDG_CACHE_HOME': str(tmp_path), 'HOME': str(tmp_path)}
    ask = lambda line: [c.split('\t')[0] for c in run('fish', '-c', f"source {TOP}/completions/klog.fish; complete -C '{line}'", env=env).stdout.splitlines()]
    assert sorted(ask('klog topic de')) == ['delete', 'describe']
    assert sorted(ask(f'klog consume -b {server.address} ord')) == ['orders', 'orders-late']
