# SPDX-License-Identifier: Apache-2.0
"""What a new partition and its first record ask of the kernel, in which order, before the producer hears that it is safe."""
import re

from servers import Klog, klog, wait_until

CALLS = 'openat,write,writev,pwrite64,pwritev,pwritev2,fdatasync,fsync,rename,renameat,renameat2,sendto,sendmsg,mkdir,mkdirat'


def calls_of(trace):
    """(call, rest of its line) in the order in which the calls ended; -1 answers are left out."""
    begun, calls = {}, []
    for line in trace.splitlines():
        thread, text = line.split(maxsplit=1)
        if text.endswith('<unfinished ...>'):
            begun[thread] = text.removesuffix('<unfinished ...>')
            continue
        if resumed := re.match(r'<\.\.\. \w+ resumed>(.*)', text): text = begun.pop(thread) + resumed[1]
        if (call := re.match(r'(\w+)\((.*)', text)) and not re.search(r'= -1 \w+ \(', text): calls.append(call.groups())
    return calls


def test_nothing_is_acknowledged_before_the_files_and_their_names_are_on_disk(topic):
    with Klog() as server:
        trace = server.folder / 'trace'
        server.wrapper = ['strace', '-D', '-f', '-y', '-s', '16', '-o', trace, '-e', f'trace={CALLS}']
        server.start()
        klog('topic', 'create', topic, '-b', server.address)
        klog('produce', topic, '-b', server.address, input='hello\n')
        assert server.stop() == 0
        wait_until(lambda: '+++ exited with 0' in trace.read_text().splitlines()[-1], 'strace to end')
        calls = calls_of(trace.read_text())
        folder = server.partition_folder(topic)

    def first(after, call, *texts):
        """Where the first such call after another ended."""
        for i in range(after + 1, len(calls)):
            if re.fullmatch(call, calls[i][0]) and all(text in calls[i][1] for text in texts): return i
        raise AssertionError(f'no {call} of {texts} after {calls[after] if after >= 0 else "the start"}')

    made = first(-1, 'mkdir|mkdirat', f'{folder.name}"')
    written = first(made, r'pwrite\w*', '.log>', folder.name)
    epoch_written = first(made, r'pwrite\w*', f'{folder.name}/leader-epoch-checkpoint.tmp>')
    epoch_synced = first(epoch_written, 'fdatasync|fsync', f'{folder.name}/leader-epoch-checkpoint.tmp>')
    epoch_named = first(epoch_synced, r'rename\w*', f'{folder.name}/leader-epoch-checkpoint"')
    epoch_name_synced = first(epoch_named, 'fsync', f'/{folder.name}>')
    assert epoch_name_synced < written, 'the epoch of a record is on disk before the record is written'

    answered = first(written, 'sendto|sendmsg', '<socket:')
    assert first(written, 'fdatasync|fsync', '.log>', folder.name) < answered, 'the record is on disk before the answer'
    log_made = first(made, 'openat', f'{folder.name}/', '.log"', 'O_CREAT')
    assert first(log_made, 'fsync', f'/{folder.name}>') < answered, 'so is the name of its file'
    assert first(made, 'fsync', f'{folder.parent}>') < answered, 'and the name of its directory'
