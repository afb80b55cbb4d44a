# SPDX-License-Identifier: Apache-2.0
"""Man pages: each subcommand has one, it is clean, and its options are those of --help."""
import pathlib
import re
import sys

import pytest
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from servers import KLOG, TOP, klog, run

PAGES = sorted(path.stem for path in (TOP / 'man').glob('*.scd'))


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp('man')
    for page in PAGES: (folder / page).write_text(run(TOP / 'tools' / 'manpage', KLOG, TOP / 'man' / f'{page}.scd').stdout)
    return folder


def test_every_subcommand_has_a_page():
    commands = {line.split('\t')[0] for line in klog('complete', '--', '').stdout.splitlines()[1:]} - {'help', 'version'}
    assert {f'klog-{name}.1' for name in commands} <= set(PAGES)


@pytest.mark.parametrize('page', PAGES)
def test_a_page_is_clean(pages, page):
    done = run('mandoc', '-Tlint', '-Wwarning', pages / page, check=False)
    assert (done.stdout, done.returncode) == ('', 0)


@pytest.mark.parametrize('page', [page for page in PAGES if page.startswith('klog-') and page.endswith('.1')])
def test_a_page_has_the_options_of_help(pages, page):
    command = page.removeprefix('klog-').removesuffix('.1')
    text = re.sub('.\b', '', run('mandoc', '-Tascii', pages / page).stdout)  # Bold is a letter over itself.
    names = re.findall(r'(?<![\w-])--[a-z][a-z-]+', klog('help', command).stdout)
    assert names and not [name for name in names if name not in text]
